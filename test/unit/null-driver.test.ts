import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { Driver } from '../../src/store/driver.ts';
import { DRIVERS } from '../../src/store/drivers.ts';
import { checkEvents, serverKeys } from '../../src/store/guard/keys.ts';
import { openStore, UNTOLD } from '../../src/store/open.ts';
import { oneOf, type Read, section } from '../../src/toml/type.ts';

// What it takes to add a driver: these lines in a folder of its own, and one line in drivers.ts. CONTRIBUTING.md shows it.

const keys = section({ about: oneOf(['mailbox', 'alias'], 'mailbox'), ...serverKeys }).transform((raw, context) => {
  checkEvents(raw.cache, 'nothing', context);
  return raw;
});

/** A server that knows nobody. */
const nobody: Driver<Read<typeof keys>> = {
  package: null,
  keys,
  answers: (config, question) => question.about === config.about,
  canary: () => 'not needed',
  load: async () => {},
  open: async (config) => ({
    servers: [
      { name: 'nowhere', bulk: { lookupAll: async (asked) => asked.map(() => null), atomic: true, close() {} } },
    ],
    guards: config,
  }),
};

it('a driver declares its keys, what it answers, and how it is opened, and nothing else has to know it', async () => {
  Object.assign(DRIVERS, { null: nobody });
  const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
  const text = (more: string) => `[store.nowhere]\ndriver = "null"\n${more}\n[map.mailbox]\n`;
  const config = parseConfig(text('cache = { entries = 200 }'), 'a.toml', places);
  expect(config.maps.get('mailbox')?.stores).toEqual(['nowhere']);

  const store = await openStore(config.stores.get('nowhere') as never, UNTOLD);
  const fred = { local: 'fred', domain: 'example.org', exact: false } as const;
  expect(await store.lookup({ about: 'mailbox', ...fred, folder: null, anyCase: false })).toBeNull();
  expect(store.cache?.stats().entries).toBe(1);
  expect(store.status().servers.map(({ name }) => name)).toEqual(['null']);
  await store.close();

  expect(() => parseConfig(text('abuot = "alias"'), 'a.toml', places)).toThrow('did you mean about?');
  expect(() => parseConfig(text('cache = { events = "x" }'), 'a.toml', places)).toThrow('tells of no changes');
  expect(() => parseConfig(text('about = "alias"'), 'a.toml', places)).toThrow('none of them holds mailboxes');
});
