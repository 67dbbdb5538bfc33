import { lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAINTAINER, allIn, changes, date, fill, madeAt, outputOf, removeEarlier, setTimes, version } from './made.ts';
import { stageFile, stageText } from './stage.ts';
import { ROOT, treesOf } from './tree.ts';

/** Makes an rpm of each part of smmap, below build/. The same commit makes the same bytes. */

const CONFIGURATION = '/etc/smmap/smmap.toml';

/** A line of the spec for each file, and for each folder that no other package has. */
function filesOf(root: string): string {
  const lines = allIn(root).flatMap((name) => {
    if (lstatSync(join(root, name)).isDirectory()) return /(?:^|\/)smmap/.test(name) ? [`%dir "/${name}"`] : [];
    return [`/${name}` === CONFIGURATION ? `%config(noreplace) ${CONFIGURATION}` : `"/${name}"`];
  });
  return `%defattr(-,root,root,-)\n${lines.join('\n')}\n`;
}

/** What a maintainer script of the Debian package says too, so that both packages do the same. */
function partOf(script: string, part: RegExp): string {
  const [, found] = part.exec(readFileSync(join(ROOT, 'packaging/debian', script), 'utf8')) ?? [];
  if (found === undefined) throw new Error(`packaging/debian/${script} has nothing like ${part}`);
  return found;
}

const stage = mkdtempSync(join(tmpdir(), 'smmap-rpm-'));
try {
  const trees = await treesOf(date, version);
  for (const tree of trees) {
    const root = join(stage, tree.name);
    tree.stage(root);
    stageFile(join(ROOT, 'LICENSE'), join(root, 'usr/share/licenses', tree.name, 'LICENSE'));
    if (tree.name === 'smmap') {
      mkdirSync(join(root, 'usr/share/zsh/site-functions'));
      renameSync(
        join(root, 'usr/share/zsh/vendor-completions/_smmap'),
        join(root, 'usr/share/zsh/site-functions/_smmap'),
      );
      rmSync(join(root, 'usr/share/zsh/vendor-completions'), { recursive: true });
    }
    setTimes(root);
    writeFileSync(join(stage, `${tree.name}.files`), filesOf(root));
  }

  const spec = fill(readFileSync(join(ROOT, 'packaging/rpm/smmap.spec'), 'utf8'), {
    maintainer: MAINTAINER,
    version,
    stage,
    folder: partOf('postinst', /^(install -d .*)$/m),
    words: partOf('postinst', /<<'WORDS'\n([^]*?)^WORDS$/m),
    instances: partOf('prerm', /^ *(instances=.*)$/m),
    end: partOf('prerm', /^ *(systemctl --system kill [^]*?^ *done)$/m),
    day: new Date(madeAt * 1_000).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+).*/, '$1 $3 $2 $4'),
    changes: changes()
      .map((item) => `- ${item.replaceAll('%', '%%')}`)
      .join('\n'),
  });
  stageText(spec, join(stage, 'smmap.spec'));
  const defined = Object.entries({
    _topdir: stage,
    _rpmdir: stage,
    _rpmfilename: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  });
  const defines = defined.flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  outputOf(stage, 'rpmbuild', '-bb', '--quiet', ...defines, 'smmap.spec');

  removeEarlier('.rpm');
  for (const { name, modules } of trees) {
    const made = allIn(stage).find((file) => file.startsWith(`${name}-${version}-`) && file.endsWith('.rpm')) as string;
    const file = join(ROOT, 'build', made);
    stageFile(join(stage, made), file);
    const megabytes = (statSync(file).size / 1e6).toFixed(1);
    process.stdout.write(`${file}: ${megabytes} MB, ${modules.length} packages of npm\n`);
  }
} finally {
  rmSync(stage, { recursive: true });
}
