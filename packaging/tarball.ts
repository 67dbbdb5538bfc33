import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { outputOf } from './made.ts';
import { type Manifest, published } from './manifest.ts';
import type { Lock } from './modules.ts';
import { ROOT } from './tree.ts';

/** Makes the tarball that npm installs, below build/, and prints its path. The same commit makes the same bytes. */

const ALWAYS = ['README.md', 'LICENSE'];

const read = (name: string): unknown => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
const manifest = read('package.json') as Manifest & { readonly files: readonly string[] };

const stage = mkdtempSync(join(tmpdir(), 'smmap-npm-'));
try {
  const packed = [...manifest.files, ...ALWAYS].map((pattern) => pattern.split('/')[0] as string); // npm itself chooses below
  for (const name of new Set(packed)) {
    cpSync(join(ROOT, name), join(stage, name), { recursive: true, filter: (file) => !file.endsWith('.js.map') });
  }
  const text = JSON.stringify(published(manifest, read('package-lock.json') as Lock), null, 2);
  writeFileSync(join(stage, 'package.json'), `${text}\n`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const made = outputOf(stage, 'npm', 'pack', '--silent', '--pack-destination', join(ROOT, 'build')).trim();
  process.stdout.write(`${join(ROOT, 'build', basename(made))}\n`);
} finally {
  rmSync(stage, { recursive: true });
}
