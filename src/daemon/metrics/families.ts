/** A metric: what it counts, and its labels. Its name says its unit. */
export interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** How the values of several processes are put together. */
  readonly aggregator: 'sum' | 'min' | 'max';
}

function counter(help: string, ...labels: readonly string[]): Family {
  return { type: 'counter', help, labels, aggregator: 'sum' };
}

function histogram(help: string, ...labels: readonly string[]): Family {
  return { type: 'histogram', help, labels, aggregator: 'sum' };
}

function gauge(aggregator: Family['aggregator'], help: string, ...labels: readonly string[]): Family {
  return { type: 'gauge', help, labels, aggregator };
}

/** Every metric of the daemon. No label has an address, and none has a value that a client chooses. */
export const FAMILIES = {
  smmap_build_info: gauge('max', 'The version of smmap and of Node.js; always 1', 'version', 'node'),
  smmap_start_time_seconds: gauge('min', 'When this process started, in Unix time'),
  smmap_replies_total: counter('Replies to mail servers', 'map', 'listener', 'result'),
  smmap_refusals_total: counter('Replies that refuse mail', 'map', 'reason'),
  smmap_deferrals_total: counter('Replies TEMP', 'map', 'reason'),
  smmap_harvest_alarms: gauge('sum', 'Domains of which somebody seems to guess addresses', 'map', 'listener'),
  smmap_harvest_misses_total: counter('Refusals because an address is absent, during these alarms', 'map', 'listener'),
  smmap_harvest_names: gauge('max', 'Different absent addresses of one domain in a window', 'map', 'listener'),
  smmap_shadow_replies_total: counter('What maps in shadow say, while something else replies', 'map', 'result'),
  smmap_reply_seconds: histogram('From the arrival of a request to its reply', 'map'),
  smmap_connections: gauge('sum', 'Clients that are connected'),
  smmap_connections_ended_total: counter('Connections that smmap ended', 'reason'),
  smmap_connections_turned_away_total: counter('Connections that were closed at once', 'reason'),
  smmap_accept_failures_total: counter('Failures to accept a connection', 'listener'),
  smmap_listener_up: gauge('max', 'Whether a listener has its own path', 'listener', 'serves'),
  smmap_listener_lost_total: counter('How often the socket file of a listener was gone', 'listener'),
  smmap_store_up: gauge('min', 'Whether a store answers', 'store'),
  smmap_store_questions_total: counter('Questions to a store, without those that the cache answered', 'store'),
  smmap_store_answers_total: counter('Answers of a store', 'store', 'answer'),
  smmap_store_questions_pending: gauge('sum', 'Questions that wait for an answer of a store', 'store'),
  smmap_store_answer_seconds: histogram('How long answers took that did not come at once', 'store'),
  smmap_store_last_success_timestamp_seconds: gauge(
    'max',
    'When a store last answered, in Unix time; 0: never',
    'store',
  ),
  smmap_store_never_filled: gauge('max', 'How many kinds of records a store is asked for and never held', 'store'),
  smmap_store_records: gauge('max', 'Records of an embedded store', 'store', 'kind'),
  smmap_store_shrank_total: counter('How often a store lost many records', 'store'),
  smmap_server_up: gauge('min', 'Whether a server of a store is asked: 0 while its breaker is open', 'store', 'server'),
  smmap_server_outages_total: counter('How often the breaker of a server opened', 'store', 'server'),
  smmap_server_trusted: gauge('min', 'Whether the canaries of a server are found', 'store', 'server'),
  smmap_server_canary_failures_total: counter('How often a canary of a server failed', 'store', 'server'),
  smmap_cache_entries: gauge('sum', 'Answers that the cache of a store keeps', 'store', 'kind'),
  smmap_cache_hits_total: counter('Questions that the cache answered', 'store'),
  smmap_cache_misses_total: counter('Questions that the cache passed on', 'store'),
  smmap_cache_joined_total: counter('Questions that waited for the answer to the same question', 'store'),
  smmap_cache_stale_served_total: counter('Old answers that the cache repeated because the store failed', 'store'),
  smmap_cache_failures_served_total: counter('Failures that the cache repeated', 'store'),
  smmap_cache_warm_entries: gauge('sum', 'Mailboxes that a warm cache has from the lists of its store', 'store'),
  smmap_cache_warm_hits_total: counter('Questions that the lists answered', 'store'),
  smmap_cache_warm_up: gauge('min', 'Whether the newest list did not fail', 'store'),
  smmap_cache_warm_timestamp_seconds: gauge('min', 'When the newest complete list began, in Unix time', 'store'),
  smmap_reloads_total: counter('Reloads of the configuration', 'result'),
  smmap_config_accepted: gauge('min', 'Whether the last reload was accepted'),
  smmap_config_read_timestamp_seconds: gauge('min', 'When the configuration in use was read, in Unix time'),
  smmap_event_loop_delay_seconds: histogram('How much later than wanted a timer runs'),
  smmap_stalls_total: counter('How often this process stood still for over a second'),
} as const satisfies Readonly<Record<string, Family>>;

export type MetricName = keyof typeof FAMILIES;

/** One number of a metric. `part` is that of a histogram. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly part?: '_bucket' | '_sum' | '_count';
}

/** The numbers of this process at one moment: plain data, which can be sent to another process. */
export type Snapshot = Readonly<Record<MetricName, readonly Sample[]>>;
