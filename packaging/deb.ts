import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAINTAINER, allIn, changes, date, fill, madeAt, outputOf, removeEarlier, setTimes, version } from './made.ts';
import { stageFile, stagePacked } from './stage.ts';
import { ROOT, type Tree, treesOf } from './tree.ts';

/** Makes a Debian package of each part of smmap, below build/. The same commit makes the same bytes. */

const SOURCE = join(ROOT, 'packaging/debian');
const SCRIPTS = ['postinst', 'prerm', 'postrm'];

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
      edit: (text) => fill(text, { name }),
    });

    const control = join(root, 'DEBIAN');
    mkdirSync(control);
    const fields = {
      maintainer: MAINTAINER,
      version,
      architecture,
      size: `${kibibytesOf(root)}`,
    };
    stageFile(join(SOURCE, `${name}.control`), join(control, 'control'), {
      edit: (text) => fill(text, fields),
    });
    const sums = outputOf(root, 'sh', '-c', 'find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum');
    writeFileSync(join(control, 'md5sums'), sums);
    if (name === 'smmap') {
      for (const script of SCRIPTS) stageFile(join(SOURCE, script), join(control, script), { mode: 0o755 });
      writeFileSync(join(control, 'conffiles'), '/etc/smmap/smmap.toml\n');
    }
    setTimes(root);

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
  const lines = new RegExp(`(.{1,${WIDTH - 4}})(?: |$)`, 'g');
  const body = changes()
    .map((item) => `  * ${item.replaceAll(lines, '$1\n    ').trim()}`)
    .join('\n');
  const time = new Date(madeAt * 1_000).toUTCString().replace('GMT', '+0000');
  return `smmap (${version}) unstable; urgency=medium\n\n${body}\n\n -- ${MAINTAINER}  ${time}\n`;
}

function kibibytesOf(folder: string): number {
  const files = allIn(folder).map((name) => statSync(join(folder, name)));
  return Math.ceil(files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1_024);
}

removeEarlier('.deb');
for (const tree of await treesOf(date, version)) {
  const file = pack(tree);
  const megabytes = (statSync(file).size / 1e6).toFixed(1);
  process.stdout.write(`${file}: ${megabytes} MB, ${tree.modules.length} packages of npm\n`);
}
