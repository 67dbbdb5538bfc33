import { bold, italic, pageOf, paragraphs, plain, term } from './roff.ts';

/** smmap.toml(5): the configuration that is installed, which has every key with its default and its meaning. */
export function configurationPage(toml: string, date: string, version: string): string {
  const [head = '', ...blocks] = toml.trimEnd().split(/\n{2,}/);
  return pageOf('smmap.toml', 5, date, version, [
    '.SH NAME',
    String.raw`smmap.toml \- configuration of the socket map daemon smmap`,
    '.SH DESCRIPTION',
    ...paragraphs(withoutMarks(head)),
    '.PP',
    'Keys in italics are comments in that file: their values are examples.',
    ...blocks.flatMap(sectionOf),
    '.SH SEE ALSO',
    'smmap(1)',
  ]);
}

const SECTION = /^#? ?\[(.+?)\]/;
const KEY = /^(#? ?)(\w+ = .+?)(?:\s+# (.*))?$/;

/** Under its name, what is said about a section, and its keys. */
function sectionOf(block: string): readonly string[] {
  const lines = block.split('\n');
  const [, name] = lines.map((line) => SECTION.exec(line)).find((found) => found !== null) ?? [];
  const rest = lines.filter((line) => !SECTION.test(line));
  return [...(name === undefined ? [] : [`.SH ${plain(`[${name}]`)}`]), ...rest.flatMap(lineOf)];
}

function lineOf(line: string, at: number, all: readonly string[]): readonly string[] {
  const [, mark, key, meaning = ''] = KEY.exec(line) ?? [];
  if (key !== undefined) return term(mark === '' ? bold(key) : italic(key), meaning);
  const said = withoutMarks(line);
  const goesOn = at > 0 && all[at - 1] !== '#' && !KEY.test(all[at - 1] as string);
  return said === '' ? [] : [...(goesOn ? [] : ['.PP']), plain(said)];
}

/** Without the marks of comments. */
function withoutMarks(comments: string): string {
  return comments.replaceAll(/^# ?/gm, '');
}
