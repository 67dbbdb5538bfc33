import { printable } from '../../observe/printable.ts';

/** Text that is HTML already. Only `html` makes it, so nothing gets into a page without being escaped. */
export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  /** The template of a page: what stands between the values is HTML, and each value that is not Html is escaped. */
  static of(this: void, texts: TemplateStringsArray, ...values: readonly Value[]): Html {
    return new Html(
      tight(texts)
        .map((text, at) => text + (at < values.length ? written(values[at]) : ''))
        .join(''),
    );
  }
}

/** What a template takes. A list is written without anything between its values; null is nothing. */
export type Value = string | number | Html | null | undefined | readonly Value[];

/** Writes a part of a page: html`<td>${text}</td>`. Attributes must stand in double quotes. */
export const html = Html.of;

const tightened = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The texts of a template without its indentation, which would be half of a page. */
function tight(texts: TemplateStringsArray): readonly string[] {
  let known = tightened.get(texts);
  if (known === undefined) tightened.set(texts, (known = texts.map((text) => text.replace(/\s*\n\s*/g, '\n'))));
  return known;
}

function written(value: Value): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(written).join('');
  return escaped(String(value));
}

/** As a text and in an attribute. What steers a terminal or turns a text around becomes visible: clients choose the keys. */
function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (char) => ENTITIES[char] as string);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
