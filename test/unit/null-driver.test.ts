import { expect, it } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { DRIVERS, loadDeclarations } from '../../src/store/drivers.ts';
import { UNTOLD } from '../../src/store/open.ts';
import { openStore, parseConfig } from '../support/config.ts';

// What it takes to add a driver: the folder test/support/null, which CONTRIBUTING.md shows, and one line in drivers.ts.

it('a driver declares its keys, what it answers, and how it is opened; no other file knows it', async () => {
  Object.assign(DRIVERS, { null: async () => (await import('../support/null/keys.ts')).nothing });
  await loadDeclarations(['null']);
  const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
  const text = (more: string) => `[store.nowhere]\ndriver = "null"\n${more}\n[map.mailbox]\n`;
  const config = parseConfig(text('cache = { entries = 200 }'), 'a.toml', places);
  expect(config.maps.get('mailbox')?.stores).toEqual(['nowhere']);

  const store = await openStore(config.stores.get('nowhere') as StoreConfig, UNTOLD);
  const fred = { local: 'fred', domain: 'example.org', exact: false } as const;
  expect(await store.lookup({ about: 'mailbox', ...fred, folder: null, anyCase: false })).toBeNull();
  expect(store.cache?.stats().entries).toBe(1);
  expect(store.status().servers.map(({ name }) => name)).toEqual(['null']);
  await store.close();

  expect(() => parseConfig(text('abuot = "alias"'), 'a.toml', places)).toThrow('did you mean about?');
  expect(() => parseConfig(text('cache = { events = "x" }'), 'a.toml', places)).toThrow('reports no changes');
  expect(() => parseConfig(text('about = "alias"'), 'a.toml', places)).toThrow('none of these stores holds mailboxes');
});
