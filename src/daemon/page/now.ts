import { quantileMs } from '../../histogram.ts';
import { RESULTS, type Result } from '../../observe/counts.ts';
import { formatAge, formatBound, formatNumber, mark, moment, more, short } from './format.ts';
import type { Replied } from './history.ts';
import { type Html, html } from './html.ts';
import type { Seen } from './seen.ts';
import { sparkline, type State } from './sparkline.ts';
import { judgeStore } from './store-state.ts';

/** What an administrator must know first. */
export interface Verdict {
  readonly state: State;
  readonly words: string;
  readonly flaws: readonly string[];
}

/**
 * Judges the daemon as a whole: what /health and /ready say, stores in trouble, a reload that was refused, and who seems to
 * guess addresses (without their domain, which a client chose).
 */
export function judge({
  health,
  stores,
  counts,
  harvest,
}: Pick<Seen, 'health' | 'stores' | 'counts' | 'harvest'>): Verdict {
  const known = [...health.unhealthy, ...health.unready];
  const troubled = Array.from(stores, ([name, store]) => [name, judgeStore(store.status())] as const)
    .filter(([name, { state }]) =>
      state === 'failed' || state === 'partly' ? !known.some((flaw) => flaw.startsWith(`store ${name}`)) : false,
    )
    .map(([name, { words }]) => `store ${name}: ${words}`);
  const refused = counts.configuration.accepted ? [] : ['the last reload was refused: the old configuration is in use'];
  const harvests = harvest
    .active()
    .map(
      ({ map, listener, misses, names, forMs }) =>
        `listener ${listener}: somebody seems to guess addresses of [map.${map}], ${formatNumber(misses)} requests for about ` +
        `${formatNumber(names)} absent addresses in ${formatAge(forMs)}`,
    );
  const flaws = [...known, ...troubled, ...refused, ...harvests];
  if (flaws.length === 0) return { state: 'well', words: 'all is well', flaws };
  const state = health.unhealthy.length > 0 ? 'failed' : 'partly';
  return {
    state,
    words: flaws.length === 1 ? 'one thing needs attention' : `${flaws.length} things need attention`,
    flaws,
  };
}

/** The top of the page. */
export function topOf(seen: Seen, most: number): Html {
  const { state, words, flaws } = judge(seen);
  const { version, node, now, counts, connections } = seen;
  const since = performance.timeOrigin;
  return html`<header id="top">
    <h1>smmap</h1>
    <p class="verdict ${state}">${mark(state, words)}</p>
    <p class="facts">
      Version ${version} on Node.js ${node}. Runs since ${moment(since, now)} (${formatAge(now - since)}). Configuration
      read at ${moment(counts.configuration.readAt, now)}. Clients: ${formatNumber(connections)}. This page is of
      ${moment(now, now)}; all times are UTC.
    </p>
    ${
      flaws.length === 0
        ? null
        : html`<ul class="flaws">
              ${flaws.slice(0, most).map((flaw) => html`<li>${short(flaw)}</li>`)}
            </ul>
            ${more(flaws.length - most)}`
    }
  </header>`;
}

const MEANINGS: Readonly<Record<Result, string>> = {
  OK: 'found',
  NOTFOUND: 'certainly absent',
  TEMP: 'try again later',
  PERM: 'refused by state',
};

/** What is asked and answered now, and in the last hour. */
export function nowOf({ history }: Pick<Seen, 'history'>): Html {
  const minutes = history.minutes();
  const whole = minutes.slice(0, -1);
  const last = whole.at(-1) ?? minutes.at(-1) ?? null; // the running minute is shown only if there is no other
  const shown = whole.some((minute) => minute !== null) ? whole : minutes;
  const ofResult = (result: Result): Html => {
    const values = shown.map((minute) => minute?.results[result] ?? null);
    const [now, most] = [last?.results[result] ?? 0, highest(values)];
    const label = `${result} in each minute of the last hour, ${formatNumber(most)} at most`;
    const tone = result === 'TEMP' && now > 0 ? ' warns' : '';
    return card(
      result,
      formatNumber(now),
      'a minute',
      `${MEANINGS[result]}; most ${formatNumber(most)}`,
      sparkline(values, label),
      tone,
    );
  };
  const latency = (minute: Replied | null): number | null => (minute === null ? null : quantileMs(minute.took, 0.99));
  const values = shown.map(latency);
  const finite = values.map((value) => (value === Infinity ? 10_000 : value));
  const slowest = values.some((value) => value !== null) ? Math.max(...values.map((value) => value ?? 0)) : null;
  const label = `The time within which 99 of 100 answers came, in each minute of the last hour, ${formatBound(slowest)} at most`;
  const time = card(
    'Time',
    formatBound(latency(last)),
    '',
    `99 of 100 within; most ${formatBound(slowest)}`,
    sparkline(finite, label),
    '',
  );
  return html`<section id="now" aria-labelledby="now-head">
    <h2 id="now-head">Answers</h2>
    <p class="hint">The last whole minute, and the last hour.</p>
    <div class="cards">${RESULTS.map(ofResult)}${time}</div>
  </section>`;
}

function card(head: string, number: string, unit: string, text: string, line: Html, tone: string): Html {
  return html`<div class="card${tone}">
    <h3>${head}</h3>
    <p class="big">${number} <small>${unit}</small></p>
    ${line}
    <p class="small">${text}</p>
  </div> `;
}

function highest(values: readonly (number | null)[]): number {
  return Math.max(0, ...values.map((value) => value ?? 0));
}
