import { readFileSync } from 'node:fs';

/** The text of a file of a mail server. Empty if it cannot be read. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** A file, and those that it includes by lines of this pattern, whose group 1 is a path. */
export function withIncluded(file: string, pattern: RegExp): readonly string[] {
  const included = [...textOf(file).matchAll(pattern)].map(([, each = '']) => each);
  return [file, ...included.flatMap((each) => withIncluded(each, pattern))];
}

/** The beginning of a command that replaces a text. The files come after it. */
export function replaceText(old: string, next: string): string {
  return `sed -i 's#${old.replaceAll(/[$*.[\]\\^]/g, String.raw`\$&`)}#${next.replaceAll('&', String.raw`\&`)}#g'`;
}

/** Those of the files that have a text. */
export function filesWith(files: readonly string[], text: string): readonly string[] {
  return files.filter((each) => textOf(each).includes(text));
}

/** The command that replaces a text in those of the files that have it, or else in the first one. */
export function replaceIn(files: readonly string[], old: string, next: string): string {
  const having = filesWith(files, old);
  return `${replaceText(old, next)} ${(having.length > 0 ? having : files.slice(0, 1)).join(' ')}`;
}
