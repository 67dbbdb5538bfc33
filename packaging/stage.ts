import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** What Node loads of a package, and its terms. */
const LOADED = /\.(?:[cm]?js|json|node)$|^(?:LICEN[CS]E|COPYING|NOTICE)/i;
/** Packages in a package are listed by themselves; the rest is never loaded where glibc is. */
const LEFT_OUT =
  /^(?:\..*|node_modules|tests?|benchmarks?|obj|obj\.target|test_extension\.node|.*\.musl\.node|.*\.min\.js)$/;

/** Copies a package, without what Node never loads. */
export function stageModule(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (LEFT_OUT.test(name)) continue;
    const source = join(from, name);
    if (statSync(source).isDirectory()) stageModule(source, join(to, name));
    else if (LOADED.test(name)) stageFile(source, join(to, name));
  }
}

export interface StagedFile {
  /** Default 0o644. */
  readonly mode?: number;
  /** Changes its text. */
  readonly edit?: (text: string) => string;
}

/** Copies a file, and makes its folder. */
export function stageFile(from: string, to: string, { mode = 0o644, edit }: StagedFile = {}): void {
  mkdirSync(dirname(to), { recursive: true });
  if (edit === undefined) cpSync(from, to);
  else writeFileSync(to, edit(readFileSync(from, 'utf8')));
  chmodSync(to, mode);
}

/** Writes a text, packed as documents are. */
export function stagePacked(text: string, to: string): void {
  stageText(gzipSync(text, { level: 9 }), to);
}

export function stageText(text: string | Uint8Array, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, text);
  chmodSync(to, 0o644);
}
