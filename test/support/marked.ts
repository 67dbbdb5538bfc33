import { readFile, writeFile } from 'node:fs/promises';

/** The part of a page that a test writes. It stands between two comments: `<!-- NAME: ... -->` and `<!-- end of NAME -->`. */
export interface Marked {
  readonly text: string;
  /** Puts another text in its place. */
  replace(text: string): Promise<void>;
}

/** A page by its path in the project. Rejects if the page has no such part. */
export async function openMarked(page: string, name: string): Promise<Marked> {
  const file = new URL(`../../${page}`, import.meta.url);
  const marked = new RegExp(`^(.*<!-- ${name}: [^\\n]* -->\\n)(.*)(<!-- end of ${name} -->.*)$`, 's');
  const [, before, text, after] = marked.exec(await readFile(file, 'utf8')) ?? [];
  if (text === undefined) throw new Error(`${page} has no part ${name}`);
  return { text: text.trim(), replace: (other) => writeFile(file, `${before}\n${other}\n${after}`) };
}
