/** Text for man(7). */

/** A page: its name, its section, and what its heading says. */
export function pageOf(name: string, section: number, date: string, version: string, body: readonly string[]): string {
  return `${[`.TH ${name.toUpperCase()} ${section} ${date} "smmap ${version}"`, ...body].join('\n')}\n`;
}

/** A text without meaning for roff. */
export function plain(text: string): string {
  const escaped = text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll('~', String.raw`\(ti`);
  const quoted = escaped
    .replaceAll('`', String.raw`\(ga`)
    .replaceAll("'", String.raw`\(aq`)
    .replaceAll('^', String.raw`\(ha`);
  return quoted.replaceAll(/^(?=\.)/gm, String.raw`\&`);
}

/** A text in bold. */
export function bold(text: string): string {
  return String.raw`\fB${plain(text)}\fR`;
}

/** A text in italics. */
export function italic(text: string): string {
  return String.raw`\fI${plain(text)}\fR`;
}

/** A term, and what it means. */
export function term(name: string, meaning: string): readonly string[] {
  return ['.TP', name, plain(meaning)];
}

/** Paragraphs of a text for a terminal. Lines that are indented are kept as they are. */
export function paragraphs(text: string): readonly string[] {
  const made: string[] = [];
  let before: string | null = null; // the line before, in this paragraph
  const isKept = (line: string | null): boolean => line?.startsWith(' ') === true;
  for (const line of [...text.split('\n'), '']) {
    if (isKept(before) && !isKept(line)) made.push('.fi');
    if (line !== '' && before === null) made.push('.PP');
    if (isKept(line) && !isKept(before)) made.push('.nf');
    if (line !== '' && before !== null && !isKept(line) && !isKept(before) && before.length <= WRAPPED)
      made.push('.br');
    if (line !== '') made.push(plain(line));
    before = line === '' ? null : line;
  }
  return made;
}

const WRAPPED = 100; // characters; the text goes on after a longer line
