import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { Driver, StoreConfig } from '../../src/store/driver.ts';
import { DRIVERS } from '../../src/store/drivers.ts';
import { openStore, UNTOLD } from '../../src/store/open.ts';
import { run } from '../real/command.ts';

// The driver that CONTRIBUTING.md shows, as it stands there.

const ROOT = new URL('../../', import.meta.url).pathname;
const CODE = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8'))?.[1] ?? '';
const FOLDER = join(ROOT, 'build/null-driver');
const ABSOLUTE = { rewriteRelativeImportExtensions: false, allowImportingTsExtensions: true }; // imports by whole paths
const PLACES = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };

const written: string[] = [];
beforeAll(() => {
  for (const part of CODE.split(/^\/\/ (?=src\/store)/m).filter((text) => text !== '')) {
    const [name = ''] = part.split('\n');
    const file = join(FOLDER, name.replace('src/', ''));
    mkdirSync(dirname(file), { recursive: true });
    const source = join(ROOT, dirname(name));
    writeFileSync(
      file,
      part.slice(name.length).replaceAll(/'(\.\.\/[^']+)'/g, (_, path: string) => `'${join(source, path)}'`),
    );
    written.push(file);
  }
});
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe('a driver', () => {
  it('is some 25 lines in its folder', () => {
    expect(written).toHaveLength(2);
    const isCode = (line: string): boolean => line.trim() !== '' && !/^\s*(?:\/\/|\/\*\*|import )/.test(line);
    expect(CODE.split('\n').filter(isCode).length).toBeLessThanOrEqual(25);
  });

  it('has the right types', async () => {
    const config = join(FOLDER, 'tsconfig.json');
    writeFileSync(
      config,
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions: ABSOLUTE, include: ['.'] }),
    );
    const { code, stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['--project', config]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  it('is known to everybody by one line', async () => {
    const { nothing } = (await import(written[0] as string)) as { nothing: Driver };
    Object.assign(DRIVERS, { null: nothing });
    const parse = (keys: string) =>
      parseConfig(`[store.nowhere]\ndriver = "null"\n${keys}\n[map.mailbox]\n`, 'a.toml', PLACES);
    const config = parse('cache = { entries = 200 }');
    expect(config.maps.get('mailbox')?.stores).toEqual(['nowhere']);

    const store = await openStore(config.stores.get('nowhere') as StoreConfig, UNTOLD);
    const fred = { local: 'fred', domain: 'example.org', exact: false } as const;
    expect(await store.lookup({ about: 'mailbox', ...fred, folder: null, anyCase: false })).toBeNull();
    expect(store.cache?.stats().entries).toBe(1);
    expect(store.status().servers.map(({ name, trouble }) => [name, trouble])).toEqual([['null', null]]);
    await store.close();

    expect(() => parse('abuot = "alias"')).toThrow('did you mean about?');
    expect(() => parse('cache = { events = "x" }')).toThrow('tells of no changes');
    expect(() => parse('about = "alias"')).toThrow('none of them holds mailboxes');
  });
});
