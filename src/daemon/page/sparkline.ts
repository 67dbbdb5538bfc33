import { type Html, html } from './html.ts';

const TALL = 24;

/** A line over the time, the oldest value first. Null: nothing is known of that time. `label` says in words what the line shows. */
export function sparkline(values: readonly (number | null)[], label: string): Html {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const wide = Math.max(1, values.length - 1);
  const d = pathOf(values.map((value) => (value === null ? null : TALL - Math.round((value / most) * TALL))));
  const box = `-1 -1 ${wide + 2} ${TALL + 2}`;
  return html`<svg class="line" role="img" aria-label="${label}" viewBox="${box}" preserveAspectRatio="none">
    <path d="M0 ${TALL}h${wide}" class="base" />
    <path d="${d}" />
  </svg>`;
}

/** A line through the heights; it has a gap where there is none. */
function pathOf(heights: readonly (number | null)[]): string {
  return heights
    .map((height, at) => {
      if (height === null) return '';
      const before = heights[at - 1];
      if (before === undefined || before === null) return `M${at} ${height}h.5`; // so that a single value is seen
      return `L${at} ${height}`;
    })
    .join('');
}

/** What a minute was like: the states of a bar. */
export const STATES = ['well', 'partly', 'failed', 'unknown'] as const;
export type State = (typeof STATES)[number];

/** How high each state is drawn, so that nobody needs to see its colour. */
const HEIGHTS: Readonly<Record<State, number>> = { well: 16, partly: 10, failed: 5, unknown: 1 };

/** A bar of states over the time, the oldest first. `label` says in words what it shows. */
export function stateBar(states: readonly State[], label: string): Html {
  const paths = STATES.filter((state) => states.includes(state)).map(
    (state) => html`<path class="${state}" stroke-width="${HEIGHTS[state]}" d="${runsOf(states, state)}" />`,
  );
  return html`<svg
    class="bar"
    role="img"
    aria-label="${label}"
    viewBox="0 0 ${states.length} 16"
    preserveAspectRatio="none"
  >
    ${paths}
  </svg>`;
}

/** The times in which a bar has this state. They stand on the ground of the bar: half the height is above its line. */
function runsOf(states: readonly State[], state: State): string {
  const ground = 16 - HEIGHTS[state] / 2;
  let d = '';
  for (let at = 0; at < states.length; at++) {
    if (states[at] !== state) continue;
    const from = at;
    while (states[at + 1] === state) at++;
    d += `M${from} ${ground}h${at + 1 - from}`;
  }
  return d;
}
