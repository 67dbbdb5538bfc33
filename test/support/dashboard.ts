import { readFileSync } from 'node:fs';

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: object;
}

/** A panel of a dashboard of Grafana; a row is one without queries. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: object;
  readonly targets?: readonly Target[];
}

/** The parts of a dashboard of Grafana that the tests look at. */
export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
  readonly annotations: { readonly list: readonly { readonly expr: string; readonly titleFormat: string }[] };
}

/** contrib/grafana/smmap.json. */
export function readDashboard(): Dashboard {
  const file = new URL('../../contrib/grafana/smmap.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Dashboard;
}

/** Each query in PromQL, and the text that stands for its results, with what each is called. */
export function queriesOf({ panels, annotations }: Dashboard): readonly (readonly [string, string, string])[] {
  const ofPanels = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr, legendFormat }) => [`${title} ${refId}`, expr, legendFormat] as const),
  );
  return [...ofPanels, ...annotations.list.map(({ expr, titleFormat }) => ['annotation', expr, titleFormat] as const)];
}
