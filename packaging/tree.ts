import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bashOf } from './completion/bash.ts';
import { fishOf } from './completion/fish.ts';
import { rowsOf } from './completion/table.ts';
import { zshOf } from './completion/zsh.ts';
import { commandsPage } from './manual/commands.ts';
import { configurationPage } from './manual/configuration.ts';
import { markdownPage } from './manual/markdown.ts';
import { type Lock, modulesOf } from './modules.ts';
import { type StagedFile, stageFile, stageModule, stagePacked, stageText } from './stage.ts';

/** A part of smmap that is installed by itself. */
export interface Tree {
  readonly name: string;
  /** Packages of npm in it. */
  readonly modules: readonly string[];
  /** Puts its files below a root, as they lie on a system. */
  readonly stage: (root: string) => void;
}

/** The built checkout: this file runs as build/packaging/tree.js. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const HOME = 'usr/lib/smmap';
const KEEPER = `${HOME}/smmap-keeper`;
const UNITS = 'usr/lib/systemd/system';
const DROP_INS = ['apparmor.conf', 'local-stores.conf', 'no-network.conf', 'passwords.conf', 'postfix-group.conf'];
const CONTRIBUTED = ['apparmor', 'fail2ban', 'grafana', 'prometheus', 'selinux'];
const DOCUMENTS = 'usr/share/doc/smmap'; // `docs/glossary.md` in a text of smmap is below it
const EXAMPLES = `${DOCUMENTS}/examples`;

/** The parts of smmap, made of the build and the packages that package-lock.json names. `date` is that of the manual. */
export async function treesOf(date: string, version: string): Promise<readonly Tree[]> {
  const { createProgram } = (await import(join(ROOT, 'dist/cli/program.js'))) as typeof import('../src/cli/program.ts');
  const program = await createProgram();
  const toml = readFileSync(join(ROOT, 'systemd/smmap.toml'), 'utf8');
  const rows = rowsOf(program);
  const completions = {
    'bash-completion/completions/smmap': bashOf(rows),
    'zsh/vendor-completions/_smmap': zshOf(rows),
    'fish/vendor_completions.d/smmap.fish': fishOf(rows),
  };
  const manual = {
    'man1/smmap.1': commandsPage(program, date, version),
    'man5/smmap.toml.5': configurationPage(toml, date, version),
    'man7/smmap-protocol.7': markdownPage(
      'smmap-protocol',
      readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8'),
      'the protocol of socket maps',
      date,
      version,
    ),
  };
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  const { core, drivers } = modulesOf(lock, (folder) => existsSync(join(ROOT, folder)));
  const stageModules = (root: string, folders: readonly string[]): void => {
    for (const folder of folders) stageModule(join(ROOT, folder), join(root, HOME, folder));
  };
  return [
    {
      name: 'smmap',
      modules: core,
      stage(root) {
        stageOwn(root);
        stageModules(root, core);
        for (const [name, page] of Object.entries(manual)) stagePacked(page, join(root, `usr/share/man/${name}.gz`));
        for (const [name, text] of Object.entries(completions)) stageText(text, join(root, 'usr/share', name));
      },
    },
    { name: 'smmap-drivers', modules: drivers, stage: (root) => stageModules(root, drivers) },
  ];
}

/** The program, its service and its configuration. */
function stageOwn(root: string): void {
  const stage = (from: string, to: string, how?: StagedFile): void => stageFile(join(ROOT, from), join(root, to), how);
  const chunks = readdirSync(join(ROOT, 'dist/chunks')).map((name) => `chunks/${name}`);
  const commit = existsSync(join(ROOT, 'dist/commit')) ? ['commit'] : [];
  for (const name of ['main.js', 'worker.js', ...commit, ...chunks]) {
    stage(`dist/${name}`, `${HOME}/dist/${name}`, name === 'main.js' ? PROGRAM : {});
  }
  mkdirSync(join(root, 'usr/bin'));
  symlinkSync('../lib/smmap/dist/main.js', join(root, 'usr/bin/smmap'));
  stage('package.json', `${HOME}/package.json`);
  stage('systemd/smmap-keeper', KEEPER, { mode: 0o755 });
  stage('contrib/opensmtpd/table-smmap', 'usr/libexec/opensmtpd/table-smmap', { mode: 0o755 });
  for (const name of ['smmap.service', 'smmap@.service']) {
    stage(`systemd/${name}`, `${UNITS}/${name}`, {
      edit: (text) => text.replace(/^ExecStart=smmap-keeper smmap/m, `ExecStart=/${KEEPER} /usr/bin/smmap`),
    });
  }
  stage('systemd/smmap.socket', `${UNITS}/smmap.socket`);
  stage('systemd/sysusers.conf', 'usr/lib/sysusers.d/smmap.conf');
  stage('systemd/tmpfiles.conf', 'usr/lib/tmpfiles.d/smmap.conf');
  stage('systemd/smmap.toml', 'etc/smmap/smmap.toml');
  for (const name of readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.md')) stage(`docs/${name}`, `${DOCUMENTS}/docs/${name}`);
  }
  for (const name of DROP_INS) stage(`systemd/${name}`, `${EXAMPLES}/${name}`);
  for (const folder of CONTRIBUTED) {
    for (const name of readdirSync(join(ROOT, 'contrib', folder))) {
      stage(`contrib/${folder}/${name}`, `${EXAMPLES}/${folder}/${name}`);
    }
  }
}

const PROGRAM: StagedFile = { mode: 0o755, edit: (text) => text.replace(/^#!.*/, '#!/usr/bin/node') };
