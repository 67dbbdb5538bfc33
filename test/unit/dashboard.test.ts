import { describe, expect, it } from 'vitest';
import { FAMILIES, type MetricName } from '../../src/daemon/metrics/families.ts';
import { type Panel, queriesOf, readDashboard } from '../support/dashboard.ts';
import { labelsOf, metricsIn, unknownIn } from '../support/promql.ts';

const dashboard = readDashboard();
const { panels, templating } = dashboard;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };

describe('contrib/grafana/smmap.json', () => {
  it.each(queriesOf(dashboard))('%s names only metrics and labels that the daemon has', (_, expr, legend) => {
    const metrics = metricsIn(expr);
    expect(metrics.length).toBeGreaterThan(0);
    expect(unknownIn(expr)).toEqual([]);
    const [grouped, ...others] = [...expr.matchAll(/\bby \((.*?)\)/g)].map(([, labels = '']) => labels.split(', '));
    for (const metric of metrics) {
      for (const label of [...(grouped ?? []), ...others.flat()]) expect(labelsOf(metric), metric).toContain(label);
      for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
        expect(grouped ?? [...labelsOf(metric)], `${metric}: ${legend}`).toContain(label);
      }
    }
  });

  it.each(queriesOf(dashboard))(
    '%s looks at the growth of counters, at buckets, and at gauges as they are',
    (_, expr) => {
      const growing = [...expr.matchAll(/\b(?:rate|increase)\((smmap_\w+)\{[^}]*\}\[\$__rate_interval\]\)/g)];
      for (const metric of metricsIn(expr)) {
        expect(metric).not.toMatch(/_(?:sum|count)$/);
        expect(FAMILIES[metric as MetricName]?.type, metric).not.toBe('histogram'); // it has only parts
        const uses = expr.match(new RegExp(`\\b${metric}\\b`, 'g')) ?? [];
        const grows = growing.filter(([, name]) => name === metric);
        expect(grows.length, metric).toBe(/_(?:total|bucket)$/.test(metric) ? uses.length : 0);
      }
      expect(expr.includes('histogram_quantile(')).toBe(/_bucket\b/.test(expr));
    },
  );

  it('asks the data source, the jobs and the instances that its user chose', () => {
    expect(templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['job', 'query'],
      ['instance', 'query'],
    ]);
    for (const { datasource, targets = [] } of panels.filter(({ type }) => type !== 'row')) {
      expect([datasource, ...targets.map((target) => target.datasource)]).toEqual([
        SOURCE,
        ...targets.map(() => SOURCE),
      ]);
    }
    for (const [, expr] of queriesOf(dashboard)) {
      const chosen = expr.split('{job=~"$job", instance=~"$instance"').length - 1;
      expect(chosen, expr).toBe(expr.match(/\bsmmap_\w+/g)?.length);
    }
    expect(unknownIn(JSON.stringify(templating.list.map(({ query }) => query)))).toEqual([]);
  });

  it('has a row for each subject, and panels that lie beside each other', () => {
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Answers', 'Refusals by reason', 'Latency', 'Stores', 'Cache', 'Process']);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }: Panel) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});
