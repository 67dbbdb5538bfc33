// What `smmap config` prints is a file that means the same.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { tablesInForce } from '../../src/config/force.ts';
import { type Reading, readConfig } from '../../src/config/load.ts';
import { formatDocument, parseDocument } from '../../src/toml/document.ts';
import { parseConfig } from '../support/config.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };

/** Every configuration that the documents show, and a few more. */
const TEXTS = [
  '',
  readFileSync(join(ROOT, 'systemd/smmap.toml'), 'utf8'),
  `[log]\nlevel = "debug"
   [control]\npath = "/x/c"\nmode = "0660"\ngroup = "0"
   [listen."a b"]\npath = "/x/s"\nmode = "0640"\nowner = "root"
   [listen.b]\ntcp = "[::]:2004"\nallow = ["192.0.2.1"]
   [listen.c]\nsystemd = "smmap"\nprotocol = "line"`,
  `[metrics]\npath = "/x/m"\ngroup = "0"`,
  `[metrics]\ntcp = "0.0.0.0:9877"\nallow = ["192.0.2.1"]`,
  `[store.z]\ndriver = "memory"\nmailboxes = ["a@b state=disabled"]\ntables = { t = ["k v"] }
   [store.a]\ndriver = "embedded"\npath = "/x"
   [map.m]\nstores = ["a"]\nstates = { disabled = "PERM 5.2.1 disabled" }\ndetail = { policy = "folder-or-inbox" }
   [map.t]\nkind = "table"\n[map.v]\nkind = "alias"\nexpand = "fully"
   [map."*"]\nreply = { text = "lmtp:%u" }\nlocal_domains = ["*"]\ndefault_domain = "example.org"`,
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => Array.from(readFileSync(join(ROOT, 'docs', name), 'utf8').matchAll(/^```toml\n(.*?)^```$/gms)))
    .map(([, block = '']) => block.replace(/^group = .*\n/m, '')),
];

describe.each([
  ['the configuration in force', false],
  ['what differs from the defaults', true],
])('%s', (_, onlyChanges) => {
  it.each(TEXTS)('is the same configuration: %s', (text) => {
    const config = parseConfig(text, 'f', places);
    const printed = formatDocument(tablesInForce(parseDocument(text), config, places, onlyChanges));
    expect(parseConfig(printed, 'f', places), printed).toEqual(config);
  });
});

const changes = (text: string) => tablesInForce(parseDocument(text), parseConfig(text, 'f', places), places, true);

test('nothing differs in a file that has only defaults', () => {
  expect(TEXTS.length).toBeGreaterThan(20);
  expect(changes('')).toEqual({});
  expect(changes(TEXTS[1] as string)).toEqual({});
  expect(changes('[limits]\ndeadline_ms = 4_000\n[listen.mta]\npath = "/run/smmap/smmap.sock"')).toEqual({});
});

test('what differs has only the keys that differ, and the tables that are needed', () => {
  expect(
    changes(
      `[limits]\ndeadline_ms = 3_000\nidle_ms = 0
       [listen.mta]\npath = "/x/s"\nmode = "0666"
       [store.a]\ndriver = "postgresql"\nurl = "postgresql:///mail"\nschema = "users"\npassword_file = "/x/p"\nbatch = 100\ncanary.mailbox = "a@b"
       [map.mailbox]\ndetail = { policy = "ignore", separators = ["-"] }\n[map.other]`,
    ),
  ).toEqual({
    limits: { deadline_ms: 3_000 },
    listen: { mta: { path: '/x/s' } },
    store: {
      a: {
        driver: 'postgresql',
        url: 'postgresql:///mail',
        schema: 'users',
        password_file: '/x/p',
        canary: { mailbox: 'a@b' },
      },
    },
    map: { mailbox: { detail: { separators: ['-'] } }, other: {} },
  });
});

test('the configuration in force has every key of the annotated file that is not a comment', async () => {
  const file = join(ROOT, 'systemd/smmap.toml');
  const { config, raw } = (await readConfig(file, places)) as Extract<Reading, { error: null }>;
  const tables = tablesInForce({}, config, places, false);
  expect(tables).toEqual({ ...raw, control: { path: '/run/smmap/smmap.sock.control', mode: '0600' } });
});
