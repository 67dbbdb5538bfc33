import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { billOf } from './bill.ts';
import { madeAt, outputOf, version } from './made.ts';
import { ROOT } from './tree.ts';

/** Makes all that is published of a version, in build/release. The same commit makes the same bytes. */

const MAKERS = ['deb.js', 'rpm.js', 'tarball.js'];
const folder = join(ROOT, 'build/release');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const start = promisify(execFile);
const said = await Promise.all(MAKERS.map((maker) => start(process.execPath, [join(ROOT, 'build/packaging', maker)])));
const files = said.flatMap(({ stdout }) => stdout.trim().split('\n')).map((line) => line.split(': ')[0] as string);
for (const file of files) copyFileSync(file, join(folder, basename(file)));
const names = files.map((file) => basename(file));
const bill = `smmap-${version}.cdx.json`;
writeFileSync(
  join(folder, bill),
  billOf(outputOf(ROOT, 'npm', 'sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--omit=dev'), madeAt),
);
names.push(bill);

const sumOf = (name: string): string =>
  createHash('sha256')
    .update(readFileSync(join(folder, name)))
    .digest('hex');
const sums = names.toSorted().map((name) => `${sumOf(name)}  ${name}\n`);
writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''));
process.stdout.write([...names, 'SHA256SUMS'].map((name) => `${join(folder, name)}\n`).join(''));
