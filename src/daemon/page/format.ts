import { type Html, html } from './html.ts';
import type { State } from './sparkline.ts';

/** A number with its thousands apart: 12,345. */
export function formatNumber(count: number): string {
  return count.toLocaleString('en');
}

/** A duration for people, in one unit: 40 s, 12 min, 3 h, 5 d. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** The bound of a class of durations: "at most 5 ms". Null: there were none. */
export function formatBound(ms: number | null): string {
  if (ms === null) return '-';
  if (ms === Infinity) return 'over 5 s';
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

const DAY_MS = 86_400_000;

/** A moment in UTC, as Date.now() counts: only its time if it is less than a day ago. */
export function moment(at: number, now: number): Html {
  const iso = new Date(at).toISOString();
  const shown = now - at < DAY_MS ? iso.slice(11, 19) : iso.slice(0, 16).replace('T', ' ');
  return html`<time datetime="${`${iso.slice(0, 19)}Z`}">${shown}</time>`;
}

/** A text that may be as long as others like, cut. A hash stays whole, because half of one cannot be revealed. */
export function short(text: string, most = 200): string {
  return text.length <= most || text.startsWith('hash:') ? text : `${text.slice(0, most)}…`;
}

const SHAPES: Readonly<Record<State, string>> = { well: '●', partly: '▲', failed: '■', unknown: '○' };

/** A state as a shape and a word, so that nobody needs to see its colour. */
export function mark(state: State, words: string): Html {
  return html`<span class="mark ${state}"><span aria-hidden="true">${SHAPES[state]}</span> ${words}</span>`;
}

/** A column of a table: its head, and whether it has numbers. */
export interface Column {
  readonly head: string;
  readonly isNumber?: boolean;
}

/** A table that can be moved by keyboard if it is wider than the screen. `none` is said if it has no rows. */
export function table(
  id: string,
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (string | Html | null)[])[],
  { none, leftOut = 0 }: { readonly none: string; readonly leftOut?: number },
): Html {
  if (rows.length === 0) return html`<p class="none">${none}</p>`;
  const heads = columns.map(({ head, isNumber }) => html`<th scope="col" ${numeric(isNumber)}>${head}</th>`);
  const lines = rows.map(([first, ...rest]) => {
    const cells = rest.map((cell, at) => html`<td${numeric(columns[at + 1]?.isNumber)}>${cell}</td>`);
    return html`<tr>
      <th scope="row">${first}</th>
      ${cells}
    </tr> `;
  });
  return html`<div class="scroll" id="${id}" role="region" aria-label="${caption}" tabindex="0">
      <table>
        <caption>
          ${caption}
        </caption>
        <thead>
          <tr>
            ${heads}
          </tr>
        </thead>
        <tbody>
          ${lines}
        </tbody>
      </table>
    </div>
    ${more(leftOut)}`;
}

/** Says that not everything is shown. */
export function more(leftOut: number): Html | null {
  return leftOut <= 0 ? null : html`<p class="none">${formatNumber(leftOut)} more are not shown.</p>`;
}

function numeric(isNumber = false): Html | null {
  return isNumber ? html` class="n"` : null;
}
