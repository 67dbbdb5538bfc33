import { cannotLoad } from '../../store/install.ts';
import { FAMILIES, type MetricName, type Snapshot } from './families.ts';

const PACKAGE = 'prom-client';

/** Metrics as a text, and its media type. */
export interface MetricsText {
  readonly type: string;
  readonly text: string;
}

/** Loads the package that writes the text. Throws MissingPackageError. */
export async function loadWriter() {
  try {
    return await import('prom-client');
  } catch (error) {
    throw cannotLoad(PACKAGE, error as Error);
  }
}

/**
 * Writes the numbers of one or more processes, put together, as a text for Prometheus (format 0.0.4), or as OpenMetrics 1.0.0,
 * if the Accept header of a request asks for that.
 */
export async function writeText(snapshots: readonly Snapshot[], accept: string): Promise<MetricsText> {
  const { AggregatorRegistry, Registry } = await loadWriter();
  const isOpen = /\bapplication\/openmetrics-text\b/i.test(accept);
  const type = isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
  // Prometheus ignores metrics without a number; promtool does not like them.
  const names = (Object.keys(FAMILIES) as MetricName[]).filter((name) =>
    snapshots.some((each) => each[name].length > 0),
  );
  const familyOf = (name: MetricName, snapshot: Snapshot): object => {
    const { type: kind, help, aggregator } = FAMILIES[name];
    // In OpenMetrics the family of a counter has no _total, and prom-client adds it to each number.
    const own = isOpen && kind === 'counter' ? name.replace(/_total$/, '') : name;
    const values = snapshot[name].map(({ labels, value, part }) =>
      part === undefined ? { labels, value } : { labels, value, metricName: name + part },
    );
    return { name: own, help, type: kind, aggregator, values };
  };
  const all = snapshots.map((snapshot) => names.map((name) => familyOf(name, snapshot)));
  const registry = AggregatorRegistry.aggregate(all);
  registry.setContentType(type);
  return { type, text: await registry.metrics() };
}
