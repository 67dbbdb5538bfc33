import { FAMILIES, type Family } from '../../src/daemon/metrics/families.ts';
import { REASONS } from '../../src/observe/counts.ts';

const FAMILY_OF: ReadonlyMap<string, Family> = new Map(
  Object.entries(FAMILIES).flatMap(([name, family]: [string, Family]) => {
    const names = family.type === 'histogram' ? [name, `${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
    return names.map((each) => [each, family] as const);
  }),
);

/** Labels that Prometheus adds. */
const ADDED = new Set(['job', 'instance']);

/** The labels of a metric, also those that Prometheus adds. Empty if the daemon has no such metric. */
export function labelsOf(metric: string): ReadonlySet<string> {
  const family = FAMILY_OF.get(metric);
  if (family === undefined) return new Set();
  return new Set([...family.labels, ...ADDED, ...(metric.endsWith('_bucket') ? ['le'] : [])]);
}

/** The metrics that a text in PromQL names. */
export function metricsIn(text: string): readonly string[] {
  return [...new Set(text.match(/\bsmmap_\w+/g))];
}

/** What a text in PromQL names that the daemon does not have: metrics, labels of metrics, and reasons. */
export function unknownIn(text: string): readonly string[] {
  const metrics = metricsIn(text).filter((name) => !FAMILY_OF.has(name));
  const labels = [...text.matchAll(/(smmap_\w+)\{(.*?)\}/g)].flatMap(([, name = '', matchers = '']) =>
    [...matchers.matchAll(/(\w+)\s*(?:!=|=~|!~|=)/g)]
      .filter(([, label = '']) => !labelsOf(name).has(label))
      .map(([, label = '']) => `${name}{${label}}`),
  );
  const reasons = [...text.matchAll(/reason="(\w+)"/g)].map(([, reason = '']) => reason);
  return [...metrics, ...labels, ...reasons.filter((reason) => !KNOWN_REASONS.has(reason))];
}

const KNOWN_REASONS: ReadonlySet<string> = new Set([...REASONS, 'hard_connections']);
