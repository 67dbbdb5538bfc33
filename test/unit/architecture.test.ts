import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(root, 'src', name), 'utf8') }));

const IMPORT = /(?:\bfrom |\bimport\(|^import )'([^'\n]+)'/gm;

/** What a file imports, statically or not: our files as paths below src/, packages and Node's parts by name. */
const importsOf = ({ name, text }: { name: string; text: string }): string[] =>
  [...text.matchAll(IMPORT)].map(([, what = '']) =>
    what.startsWith('.') ? relative(join(root, 'src'), join(root, 'src', dirname(name), what)) : what,
  );

const WORDS = /^(vocabulary|maybe|umask)\.ts$/;

/** Each folder, and what of ours it may import besides the words and itself. */
const MAY: readonly (readonly [RegExp, readonly RegExp[]])[] = [
  [/^(vocabulary|maybe|umask)\.ts$/, []],
  [/^protocol\//, []],
  [/^address\//, []],
  [/^store\/open\.ts$/, [/^config\/config\.ts$/]],
  [/^store\//, [/^address\//]],
  [/^format\//, [/^address\//, /^store\/record\//]],
  [/^map\//, [/^address\//, /^store\/store\.ts$/]],
  [/^socket\//, [/^protocol\//]],
  [/^observe\//, []],
  [
    /^config\//,
    [
      /^address\//,
      /^map\/(mailbox|chain|domain|table|recipient)\.ts$/,
      /^socket\//,
      /^protocol\/framing\.ts$/,
      /^store\/(record|sql|ldap|redis|http)\//,
      /^store\/(cache|canary|tls)\.ts$/,
      /^store\/driver\/(http|redis)\.ts$/, // only the types of their options
    ],
  ],
  [/^control\.ts$/, [/^store\/cache\.ts$/]],
  [
    /^(daemon|maps|doors|successor|ports)\.ts$/,
    [/^(config|map|observe|protocol|socket|store)\//, /^(maps|doors|control|successor|ports)\.ts$/],
  ],
  [/^mta\//, [/^config\/config\.ts$/, /^socket\/endpoint\.ts$/]],
  [/^cli\//, [/./]],
  [/^main\.ts$/, [/^cli\//]],
];

describe('the source', () => {
  it.each(files.map((file) => [file.name, file] as const))('%s imports only what its place allows', (name, file) => {
    const [place, allowed] = MAY.find(([pattern]) => pattern.test(name)) ?? [];
    expect(place, `${name} has no place in the layers`).toBeDefined();
    const home = `${name.split('/')[0]}/`;
    const ours = importsOf(file).filter((what) => what.endsWith('.ts'));
    const wrong = ours.filter(
      (what) => !WORDS.test(what) && !what.startsWith(home) && !allowed?.some((pattern) => pattern.test(what)),
    );
    expect(wrong).toEqual([]);
  });

  it('imports each package in one file', () => {
    const users = new Map<string, Set<string>>();
    for (const file of files) {
      for (const what of importsOf(file).filter((each) => !each.endsWith('.ts') && !each.startsWith('node:'))) {
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
    const drivers = Object.keys(optionalDependencies).flatMap((each) => Array.from(users.get(each) ?? []));
    expect(drivers.filter((name) => !/^store\/(driver|ldap|redis|sqlite)\//.test(name))).toEqual([]);
  });

  it('touches process only where a person or systemd calls', () => {
    const touching = files.filter(({ text }) => /\bprocess\.\w|from 'node:process'/.test(text)).map(({ name }) => name);
    expect(touching.filter((name) => !/^(main\.ts|cli\/)/.test(name)).toSorted()).toEqual([
      'observe/open.ts', // its own pid
      'umask.ts',
    ]);
  });

  it('has no file that grew into several', () => {
    expect(files.filter(({ text }) => text.split('\n').length > 300).map(({ name }) => name)).toEqual([]);
  });
});
