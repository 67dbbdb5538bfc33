import type { Step } from '../../trace.ts';
import type { Reply } from '../../vocabulary.ts';
import { more, short } from './format.ts';
import { type Html, html } from './html.ts';
import type { Explaining, Seen } from './seen.ts';

const MOST_MAPS = 100;

/** The form that explains an address, and what came of it. */
export function explainOf({ explaining, config }: Pick<Seen, 'explaining' | 'config'>, most: number): Html | null {
  if (explaining === null) return null;
  const { key, map, explanation, mistake } = explaining;
  const names = [...config.maps.keys()].slice(0, MOST_MAPS);
  const option = (name: string): Html => html`<option${name === map ? html` selected` : null}>${name}</option>`;
  return html`<section id="explain" aria-labelledby="explain-head">
    <h2 id="explain-head">Explain an address</h2>
    <form action="#explain" method="get">
      <p>
        <label for="address">Address</label
        ><input
          id="address"
          name="explain"
          value="${key}"
          required
          maxlength="1000"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
        />
      </p>
      <p>
        <label for="map">Map</label
        ><select id="map" name="map">
          ${names.map(option)}
        </select>
      </p>
      <p><button>Explain</button></p>
    </form>
    ${mistake === null ? null : html`<p class="mistake">${mistake}</p>`}${explanation === null ? null : resultOf(explanation, most)}
  </section>`;
}

function resultOf(explanation: NonNullable<Explaining['explanation']>, most: number): Html {
  const { key, map, reply, ms, cause, steps, leftOut, hints, otherwise } = explanation;
  const budget = { left: most * 5 };
  const lines = stepsOf(steps, budget);
  return html`<div class="result">
    <h3>How ${short(key)} is answered by ${short(map, 80)}</h3>
    <p class="reply"><strong>${textOf(reply)}</strong> <small>${ms.toFixed(1)} ms</small></p>
    ${cause === null ? null : html`<p class="trouble">${short(cause)}</p>`}
    <ol class="steps">
      ${lines}
    </ol>
    ${more(leftOut + countOf(steps) - (most * 5 - budget.left))}${otherwise.slice(0, most).map(({ setting, reply: other }) => html`<p>With <code>${short(setting)}</code>: ${textOf(other)}</p>`)}${hints.slice(0, most).map((hint) => html`<p>${short(hint, 500)}</p>`)}
  </div>`;
}

function stepsOf(steps: readonly Step[], budget: { left: number }): Html[] {
  const lines: Html[] = [];
  for (const { about, text, outcome, ms, steps: inner } of steps) {
    if (budget.left === 0) break;
    budget.left--;
    const took = ms === null ? null : html` <small>${ms.toFixed(1)} ms</small>`;
    const within = stepsOf(inner, budget);
    lines.push(
      html`<li>
        <span class="about">${about}</span> ${short(text)}${outcome === null ? null : `: ${short(outcome)}`}${took}${
          within.length === 0
            ? null
            : html`<ol>
                ${within}
              </ol>`
        }
      </li>`,
    );
  }
  return lines;
}

function countOf(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + 1 + countOf(step.steps), 0);
}

function textOf(reply: Reply): string {
  if (reply.kind === 'NOTFOUND') return 'NOTFOUND';
  return `${reply.kind} ${short(reply.kind === 'OK' ? reply.value : reply.reason)}`;
}
