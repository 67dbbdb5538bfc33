// The blocks of a page of the documents: what is indented by four, and what stands between fences.

import { readFileSync } from 'node:fs';

interface Block {
  readonly section: string;
  /** `sh`, `toml` ...; empty where it has none. */
  readonly language: string;
  readonly text: string;
}

/** A page, and which of its blocks nobody took. */
export interface Page {
  /** The nth block of a section, as it stands there. A block of another language than `sh` or none needs its language. */
  take(section: string, nth?: number, language?: string): string;
  /** The first lines of the blocks that nobody took, of the languages that a shell reads. */
  rest(): readonly string[];
}

/** A page by its path in the project, such as `docs/mta.md`. */
export function openPage(file: string): Page {
  const blocks = blocksOf(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
  const taken = new Set<Block>();
  return {
    take(section, nth = 0, language = '') {
      const found = blocks.filter((block) => block.section === section && shown(block.language) === language)[nth];
      if (found === undefined) throw new Error(`${file} has no block ${nth} of this language in "${section}"`);
      taken.add(found);
      return found.text;
    },
    rest: () =>
      blocks
        .filter((block) => shown(block.language) === '' && !taken.has(block))
        .map(({ text }) => text.split('\n')[0] as string),
  };
}

const shown = (language: string): string => (language === 'sh' ? '' : language);

/** All blocks of a text in Markdown, in their order. In a list, four more than the text of the list makes a block. */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  let section = '';
  let margin = 0; // where the text of the list begins
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const indent = line.search(/\S/);
    if (indent < 0) continue;
    const fence = /^ *```(\w*)$/.exec(line);
    const isAfterBlank = (lines[at - 1] ?? '').trim() === '' || /^#+ /.test(lines[at - 1] as string);
    if (isAfterBlank && indent < margin) margin = 0;
    if (fence !== null || (isAfterBlank && indent >= margin + 4)) {
      const start = fence === null ? at : at + 1;
      const isIn = (each: string): boolean =>
        fence === null ? each.trim() === '' || each.search(/\S/) >= margin + 4 : each.trim() !== '```';
      let end = start;
      while (end < lines.length && isIn(lines[end] as string)) end++;
      const cut = fence === null ? margin + 4 : indent;
      const text = lines.slice(start, end).map((each) => each.slice(cut));
      blocks.push({ section, language: fence?.[1] ?? '', text: `${text.join('\n').trimEnd()}\n` });
      at = fence === null ? end - 1 : end;
      continue;
    }
    const item = /^( *(?:[-*]|\d+\.) +)\S/.exec(line);
    if (item !== null) margin = (item[1] as string).length;
    section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
  }
  return blocks;
}
