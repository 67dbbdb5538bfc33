import { execFileSync } from 'node:child_process';
import {
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageFile, stagePacked } from './stage.ts';
import { ROOT, type Tree, treesOf } from './tree.ts';

/** Makes a Debian package of each part of smmap, below build/. The same commit makes the same bytes. */

const SOURCE = join(ROOT, 'packaging/debian');
const MAINTAINER = 'The smmap authors <smmap@smmap.invalid>';
const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** Runs a program in a folder. Returns what it printed. */
function outputOf(cwd: string, program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8', env: { ...process.env, SOURCE_DATE_EPOCH: madeAt } });
}

/** The time of all files: when the commit was made, in seconds since 1970. */
let madeAt = process.env['SOURCE_DATE_EPOCH'];
madeAt ??= outputOf(ROOT, 'git', 'log', '-1', '--format=%ct').trim();
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const architecture = outputOf(ROOT, 'dpkg', '--print-architecture').trim();

/** Packs a part. Returns the file. */
function pack({ name, stage }: Tree): string {
  const root = mkdtempSync(join(tmpdir(), 'smmap-deb-'));
  try {
    stage(root);
    const documents = join(root, 'usr/share/doc', name);
    stageFile(join(SOURCE, 'copyright'), join(documents, 'copyright'));
    stagePacked(changelog(), join(documents, 'changelog.gz'));
    stageFile(join(SOURCE, 'lintian-overrides'), join(root, 'usr/share/lintian/overrides', name), {
      edit: (text) => text.replaceAll('@name@', name),
    });

    const control = join(root, 'DEBIAN');
    mkdirSync(control);
    const fields: Record<string, string> = {
      maintainer: MAINTAINER,
      version,
      architecture,
      size: `${kibibytesOf(root)}`,
    };
    stageFile(join(SOURCE, `${name}.control`), join(control, 'control'), {
      edit: (text) => text.replaceAll(/@(\w+)@/g, (_, field: string) => fields[field] as string),
    });
    const sums = outputOf(root, 'sh', '-c', 'find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum');
    writeFileSync(join(control, 'md5sums'), sums);
    if (name === 'smmap') {
      for (const script of SCRIPTS) stageFile(join(SOURCE, script), join(control, script), { mode: 0o755 });
      writeFileSync(join(control, 'conffiles'), '/etc/smmap/smmap.toml\n');
    }
    for (const path of ['', ...allIn(root)]) lutimesSync(join(root, path), Number(madeAt), Number(madeAt));

    const file = join(ROOT, 'build', `${name}_${version}_${architecture}.deb`);
    outputOf(ROOT, 'dpkg-deb', '--root-owner-group', '-Zxz', '--build', root, file);
    return file;
  } finally {
    rmSync(root, { recursive: true });
  }
}

const WIDTH = 78;

/** The changes of this version, in Debian's form. */
function changelog(): string {
  const [, changes = ''] = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').split(/^## .*$/m);
  const items = changes
    .trim()
    .split(/\n(?=- )/)
    .map((item) => item.slice(2).replaceAll(/\s+/g, ' '));
  const fill = new RegExp(`(.{1,${WIDTH - 4}})(?: |$)`, 'g');
  const body = items.map((item) => `  * ${item.replaceAll(fill, '$1\n    ').trim()}`).join('\n');
  const date = new Date(Number(madeAt) * 1_000).toUTCString().replace('GMT', '+0000');
  return `smmap (${version}) unstable; urgency=medium\n\n${body}\n\n -- ${MAINTAINER}  ${date}\n`;
}

function allIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

function kibibytesOf(folder: string): number {
  const files = allIn(folder).map((name) => statSync(join(folder, name)));
  return Math.ceil(files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1_024);
}

const date = new Date(Number(madeAt) * 1_000).toISOString().slice(0, 10);
for (const tree of await treesOf(date, version)) {
  const file = pack(tree);
  const megabytes = (statSync(file).size / 1e6).toFixed(1);
  process.stdout.write(`${file}: ${megabytes} MB, ${tree.modules.length} packages of npm\n`);
}
