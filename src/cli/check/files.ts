import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Account } from '../../account.ts';
import type { Config } from '../../config/config.ts';
import type { Places } from '../../config/load.ts';
import { listenersOf } from '../../daemon/listeners.ts';
import type { StoreFile } from '../../store/driver.ts';
import { driverOf } from '../../store/drivers.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake, warning } from '../finding.ts';
import { type Barrier, type Right, barriersFor, describeMode } from '../rights.ts';

/** With whose rights to look at files. */
export interface Viewer {
  readonly account: Account;
  /** Whether the daemon runs as this user. Otherwise only a missing file is an error. */
  readonly isService: boolean;
}

/** Something that the daemon does with a path, and the key of the configuration that names it. */
interface Wanted {
  readonly where: string;
  readonly path: string;
  readonly right: Right;
  readonly kind: StoreFile['kind'] | 'socket folder';
}

/** Files and folders of a configuration that are missing, or that the daemon may not use. */
export function checkFiles(config: Config, places: Places, viewer: Viewer): Finding[] {
  const all = [...socketFolders(config), ...storeFiles(config)];
  const barriers = barriersFor(
    viewer.account,
    all.map(({ path, right }) => [path, right] as const),
  );
  const usual = new Set([dirname(places.socket), places.store]); // systemd makes them, or `smmap serve` and `smmap store create`
  const told = new Set<string>();
  return all.flatMap((wanted, at) => {
    const barrier = barriers[at] ?? null;
    const problem = `${wanted.where} ${barrier?.at}`; // a folder that cannot be entered hides its files
    if (barrier?.why === 'forbidden' && told.has(problem)) return [];
    told.add(problem);
    if (barrier === null) return wanted.kind === 'secret' ? checkSecret(wanted, viewer) : [];
    if (barrier.why === 'missing') return usual.has(wanted.path) ? [] : missing(wanted, viewer);
    return viewer.account.uid === 0 ? [] : [forbidden(wanted, barrier, viewer)];
  });
}

function socketFolders(config: Config): Wanted[] {
  const seen = new Set<string>();
  return listenersOf(config).flatMap(({ name, config: listener, servedBy }): Wanted[] => {
    if (listener.kind !== 'unix' || seen.has(dirname(listener.path))) return [];
    seen.add(dirname(listener.path));
    const where = servedBy === 'maps' ? `listen.${name}.path` : `${servedBy}.path`;
    return [{ where, path: dirname(listener.path), right: 'fill', kind: 'socket folder' }];
  });
}

function storeFiles({ stores }: Config): Wanted[] {
  return [...stores].flatMap(([name, store]) =>
    (driverOf(store).files?.(store) ?? []).map(({ key, path, kind, right }): Wanted => {
      const needed = kind !== 'folder' ? right : right === 'write' ? 'fill' : 'enter';
      return { where: `store.${name}.${key}`, path, right: needed, kind };
    }),
  );
}

function missing({ where, path, kind }: Wanted, { account }: Viewer): Finding[] {
  const { name } = account;
  const reason = `${path} does not exist`;
  switch (kind) {
    case 'record file':
      return [];
    case 'secret': {
      const commands = [`install -o root -g ${name} -m 0640 /dev/null ${path}`, `cat > ${path}`];
      return [mistake(EXIT.CONFIG, { where, reason, remedy: 'write the password or token into it', commands })];
    }
    case 'file':
      return [mistake(EXIT.CONFIG, { where, reason, remedy: 'correct the path, or make the file' })];
    case 'folder':
      if (barriersFor(account, [[nearest(path), 'fill']])[0] === null) return []; // smmap store create makes it
      return [mistake(EXIT.CONFIG, { where, reason, remedy: 'make it', commands: [makeFolder(path, name, '0750')] })];
    case 'socket folder':
      return [mistake(EXIT.CONFIG, { where, reason, remedy: 'make it', commands: [makeFolder(path, name, '0755')] })];
  }
}

function makeFolder(path: string, name: string, mode: string): string {
  return `install -d -o ${name} -g ${name} -m ${mode} ${path}`;
}

/** The nearest folder above a path that exists. */
function nearest(path: string): string {
  const above = dirname(path);
  return statSync(above, { throwIfNoEntry: false }) === undefined && above !== path ? nearest(above) : above;
}

const VERBS: Readonly<Record<Right, string>> = {
  read: 'read',
  write: 'write',
  enter: 'enter',
  fill: 'make files in',
};

function forbidden({ where, path, right, kind }: Wanted, { at }: Barrier, { account, isService }: Viewer): Finding {
  const { name } = account;
  const reason = `the user ${name} may not ${VERBS[right]} ${path}, because ${at} is ${describeMode(at)}`;
  const own = kind === 'folder' || kind === 'record file' || kind === 'socket folder';
  const letters = { read: 'r', write: 'rw', enter: 'x', fill: 'rwx' }[right];
  const commands =
    at === path && own
      ? [`chown ${name}: ${at}`, `chmod u+${letters} ${at}`]
      : [`chgrp ${name} ${at}`, `chmod g+${at === path ? letters : 'x'} ${at}`];
  const told = { where, reason, remedy: 'give the user that right', commands };
  return isService ? mistake(EXIT.CONFIG, told) : warning(told);
}

/** Looks at a secret that the daemon may read: it must not be empty, and nobody else may read it. */
function checkSecret({ where, path }: Wanted, { account }: Viewer): Finding[] {
  const stat = statSync(path);
  if (!stat.isFile()) {
    return [mistake(EXIT.CONFIG, { where, reason: `${path} is not a regular file`, remedy: 'name a file' })];
  }
  if (readFileSync(path, 'utf8').trim() === '') {
    const remedy = 'write the password or token into it';
    return [mistake(EXIT.CONFIG, { where, reason: `${path} is empty`, remedy, commands: [`cat > ${path}`] })];
  }
  if ((stat.mode & 0o004) === 0) return [];
  const commands = [`chgrp ${account.name} ${path}`, `chmod 0640 ${path}`];
  const remedy = 'take that right away';
  return [warning({ where, reason: `every user of this machine may read ${path}`, remedy, commands })];
}
