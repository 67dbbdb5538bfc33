import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DRIVERS } from '../../src/store/drivers.ts';

const root = new URL('../../', import.meta.url).pathname;
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(root, 'src', name), 'utf8') }));
type File = (typeof files)[number];

const IMPORT = /^(?:import|export)( type)?(?: [^']*?from)? '([^'\n]+)'|\bimport(\()'([^'\n]+)'/gms;

/** The imports of a file: our files as paths below src/, packages and modules of Node by name. */
const importsOf = ({ name, text }: File): { what: string; isType: boolean; isLate: boolean }[] =>
  [...text.matchAll(IMPORT)].map(([, type, now, late, later]) => {
    const what = now ?? later ?? '';
    const path = what.startsWith('.') ? relative(join(root, 'src'), join(root, 'src', dirname(name), what)) : what;
    return { what: path, isType: type !== undefined, isLate: late !== undefined };
  });
const oursOf = (file: File): string[] => importsOf(file).flatMap(({ what }) => (what.endsWith('.ts') ? [what] : []));

/** Files that every folder may import. */
const WORDS = /^(?:vocabulary|account|example|maybe|message|trace|umask|sync|endpoint|histogram)\.ts$/;

/** Each folder, and which other folders it may import besides those files. */
const FOLDERS: readonly (readonly [folder: RegExp, ...may: string[]])[] = [
  [WORDS],
  [/^protocol\//],
  [/^address\//],
  [/^observe\//, 'address/'],
  [/^toml\//, 'address/'],
  [/^record\//, 'address/'],
  [/^format\//, 'address/', 'record/'],
  [/^socket\//, 'protocol/'],
  [/^store\/driver\/[a-z]+\//, 'address/', 'record/', 'format/', 'toml/', 'protocol/', 'store/'], // of the other drivers only what they share, see below
  [/^store\//, 'address/', 'record/', 'toml/'],
  [/^map\//, 'address/', 'toml/', 'store/store.ts'],
  [/^config\//, 'address/', 'toml/', 'record/', 'protocol/', 'socket/', 'map/', 'store/driver.ts', 'store/drivers.ts'],
  [/^daemon\//, 'observe/', 'protocol/', 'socket/', 'store/', 'map/', 'config/'],
  [/^mta\//, 'toml/', 'store/', 'map/', 'config/'],
  [/^conformance\//, 'protocol/'],
  [/^library\.ts$/, 'protocol/', 'socket/', 'map/map.ts', 'config/schema.ts'],
  [/^cli\//, ''],
  [/^(?:main|worker)\.ts$/, 'cli/'],
];

describe('the source', () => {
  it.each(files.map((file) => [file.name, file] as const))('%s imports only what its folder may', (name, file) => {
    const [folder, ...may] = FOLDERS.find(([pattern]) => pattern.test(name)) ?? [];
    expect(folder, `${name} has no folder in the layers`).toBeDefined();
    const home = `${name.split('/')[0]}/`;
    const isAllowed = (what: string) =>
      WORDS.test(what) || what.startsWith(home) || may.some((prefix) => what.startsWith(prefix));
    expect(oursOf(file).filter((what) => !isAllowed(what))).toEqual([]);
  });

  it('has drivers that only drivers.ts imports, and that import no other driver except what they share', () => {
    const driverOf = (name: string) => /^store\/driver\/([a-z]+)\//.exec(name)?.[1];
    const wrong = files.flatMap((file) =>
      oursOf(file)
        .filter((what) => {
          const driver = driverOf(what);
          if (driver === undefined || driver === driverOf(file.name)) return false;
          if (driverOf(file.name) !== undefined) return !['sql', 'callout', 'socketmap'].includes(driver);
          // Commands edit the embedded store. Nothing else may know which driver a store has.
          return file.name !== 'store/drivers.ts' && !(driver === 'embedded' && /^(?:cli|mta)\//.test(file.name));
        })
        .map((what) => `${file.name} -> ${what}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circles: no file imports itself through others', () => {
    const needs = new Map(
      files.map((file) => [
        file.name,
        importsOf(file).flatMap(({ what, isType, isLate }) =>
          isType || isLate || !what.endsWith('.ts') ? [] : [what],
        ),
      ]),
    );
    const done = new Set<string>();
    const circleFrom = (name: string, path: readonly string[]): readonly string[] | null => {
      if (path.includes(name)) return [...path, name];
      if (done.has(name)) return null;
      for (const next of needs.get(name) ?? []) {
        const circle = circleFrom(next, [...path, name]);
        if (circle !== null) return circle;
      }
      done.add(name);
      return null;
    };
    expect(files.flatMap(({ name }) => circleFrom(name, []) ?? [])).toEqual([]);
  });

  it('imports each package in one file, and the package of a driver in its folder', () => {
    const users = new Map<string, Set<string>>();
    for (const file of files) {
      for (const { what } of importsOf(file)) {
        if (what.endsWith('.ts') || what.startsWith('node:')) continue;
        users.set(what, (users.get(what) ?? new Set()).add(file.name));
      }
    }
    expect([...users].filter(([, names]) => names.size > 1)).toEqual([]);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: object;
      optionalDependencies: object;
    };
    const listed = Object.keys({ ...dependencies, ...optionalDependencies });
    expect([...users.keys()].toSorted()).toEqual(listed.toSorted());
    const late = Object.keys(optionalDependencies).flatMap((each) => Array.from(users.get(each) ?? []));
    expect(late.filter((name) => !/^store\/driver\/[a-z]+\//.test(name))).toEqual(['daemon/metrics/text.ts']);
  });

  it('loads the package of a driver only when it is opened', () => {
    const wrong = files
      .filter(({ name }) => /^store\/driver\/[a-z]+\/keys\.ts$/.test(name) || name === 'store/drivers.ts')
      .flatMap((file) =>
        [...reachedFrom(file.name)].filter((what) => !what.endsWith('.ts') && !what.startsWith('node:')),
      );
    expect(wrong).toEqual([]);
  });

  it('has a configuration that names no driver and no kind of map', () => {
    const kinds = /(\bkinds?\b.*|\bcase )'(mailbox|alias|domain|table)'/i;
    const drivers = new RegExp(
      `'(${Object.keys(DRIVERS)
        .filter((name) => !/^(?:file|passwd)$/.test(name))
        .join('|')})'`,
    ); // these two are words of others, too;
    const config = files.filter(({ name }) => name.startsWith('config/'));
    expect(config.filter(({ text }) => kinds.test(text) || drivers.test(text)).map(({ name }) => name)).toEqual([]);
    const maps = config.flatMap(oursOf).filter((what) => what.startsWith('map/'));
    expect([...new Set(maps)].toSorted()).toEqual(['map/kind.ts', 'map/kinds.ts']);
  });

  it('uses process only in files that a person or systemd starts', () => {
    const touching = files.filter(({ text }) => /\bprocess\.\w|from 'node:process'/.test(text)).map(({ name }) => name);
    expect(touching.filter((name) => !/^((?:main|worker)\.ts|cli\/)/.test(name)).toSorted()).toEqual([
      'daemon/workers/clock.ts', // the clock of the machine
      'observe/open.ts', // its own pid
      'umask.ts',
    ]);
  });

  it('has no file over 250 lines of code, comments and blank lines aside', () => {
    expect(files.filter(({ text }) => linesOfCode(text) > 250).map(({ name }) => name)).toEqual([]);
  });
});

/** All files that are loaded with a file. */
function reachedFrom(name: string, reached = new Set<string>()): Set<string> {
  const file = files.find((each) => each.name === name);
  for (const { what, isType, isLate } of file === undefined ? [] : importsOf(file)) {
    if (isType || isLate || reached.has(what)) continue;
    reached.add(what);
    reachedFrom(what, reached);
  }
  return reached;
}

function linesOfCode(text: string): number {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  return code.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length;
}
