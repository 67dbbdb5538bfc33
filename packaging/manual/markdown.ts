import { bold, italic, pageOf, plain } from './roff.ts';

/** A page of the documents as a page of the manual, in the section for conventions and protocols. */
export function markdownPage(name: string, markdown: string, about: string, date: string, version: string): string {
  const [, ...blocks] = markdown.trimEnd().split(/\n{2,}/); // the first one is the title
  return pageOf(name, 7, date, version, [
    '.SH NAME',
    String.raw`${name} \- ${about}`,
    ...(blocks[0]?.startsWith('#') === true ? [] : ['.SH DESCRIPTION']),
    ...blocks.flatMap(blockOf),
    '.SH SEE ALSO',
    'smmap(1), smmap.toml(5), socketmap_table(5)',
  ]);
}

function blockOf(block: string): readonly string[] {
  const lines = block.split('\n');
  const [first = ''] = lines;
  const [, marks, title] = /^(##+) (.*)$/.exec(first) ?? [];
  if (marks !== undefined && title !== undefined) {
    const heading = `${marks === '##' ? '.SH' : '.SS'} "${plain(title)}"`;
    return [heading, ...(lines.length === 1 ? [] : blockOf(lines.slice(1).join('\n')))];
  }
  if (first.startsWith('|')) return rowsOf(lines);
  if (first.startsWith('    ')) return kept(lines.map((line) => line.slice(4)));
  if (first.startsWith('```')) return kept(lines.filter((line) => !line.startsWith('```')));
  if (!/^(?:- |\d+\. )/.test(first)) return ['.PP', spansOf(lines.join(' '))];
  return block.split(/\n(?=(?:- |\d+\. ))/).flatMap((item) => {
    const [, mark = '', text = ''] = /^(-|\d+\.) ([^]*)$/.exec(item) ?? [];
    return [`.IP ${mark === '-' ? String.raw`\(bu 2` : `${mark} 4`}`, spansOf(text.replaceAll(/\s+/g, ' '))];
  });
}

/** Lines that stay as they are. */
function kept(lines: readonly string[]): readonly string[] {
  return ['.PP', '.RS 4', '.nf', ...lines.map(plain), '.fi', '.RE'];
}

/** A table as a list, because a terminal is narrower than a page: the first cell of each row, and the others by their titles. */
function rowsOf(lines: readonly string[]): readonly string[] {
  const [titles = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
  return rows.flatMap(([name = '', ...cells]) => [
    '.TP',
    spansOf(name === '' ? '-' : name),
    cells
      .map((cell, at) => (titles.length === 2 ? spansOf(cell) : `${spansOf(titles[at + 1] ?? '')}: ${spansOf(cell)}`))
      .join('\n.br\n'),
  ]);
}

const SPAN = /`([^`]+)`|\*\*([^*]+)\*\*|(?<!\w)\*([^*\s][^*]*)\*|\[([^\]]+)\]\([^)]*\)/;

/** Marks within a text: code and strong words in bold, others in italics; a link is its text. */
function spansOf(text: string): string {
  const [found, code, strong, weak, link] = SPAN.exec(text) ?? [];
  if (found === undefined) return plain(text.replaceAll(String.raw`\|`, '|'));
  const at = text.indexOf(found);
  const marked = code !== undefined || strong !== undefined ? bold(code ?? strong ?? '') : null;
  const span = marked ?? (weak === undefined ? spansOf(link ?? '') : italic(weak));
  const before = at === 0 ? '' : spansOf(text.slice(0, at));
  const rest = text.slice(at + found.length);
  return `${before}${span}${rest === '' ? '' : spansOf(rest)}`;
}
