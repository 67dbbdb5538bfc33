import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseDomain } from '../../src/address/domain.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { connectTo } from './client.ts';
import { type Cyrus, DEFAULT_DOMAIN, type Installation, findCyrus, lmtpRepliesOf } from './cyrus.ts';
import { cli, makeFolder, startDaemon } from './daemon.ts';
import { DELETED, MAILBOXES, ROWS, withoutDomains } from './matrix.ts';
import { PARTS, describePart } from './part.ts';

/** The same keys in each run, so that a run says something of a change and not of its dice; others: SMMAP_SEED=random, or a number. */
const GIVEN = process.env['SMMAP_SEED'] ?? '2114152259';
const SEED = GIVEN === 'random' ? Date.now() % 2 ** 31 : Number(GIVEN);
const GENERATED = 10_000;

interface Server {
  readonly separator: '/' | '.';
  readonly postuser: string;
  readonly virtdomains: 'userid' | 'off';
}

/** Both separators, shared folders under a name, and users without domains. */
const SERVERS: readonly Server[] = [
  { separator: '/', postuser: '', virtdomains: 'userid' },
  { separator: '.', postuser: '', virtdomains: 'userid' },
  { separator: '/', postuser: 'bb', virtdomains: 'userid' },
  { separator: '/', postuser: '', virtdomains: 'off' },
  { separator: '.', postuser: '', virtdomains: 'off' },
];

/** Users and folders with a !, which in a list is also what stands behind a domain. */
const MARKED = [
  'a!b',
  'a!b+abc',
  'a!b@virt1.test',
  'a!b@virt2.test',
  'x+y!z',
  '+sh!are',
  '+user/a!b',
  'b@user.a',
  '+b@user.a',
];

/** A key, and the first word that each says of it. */
interface Asked extends Server {
  readonly key: string;
  readonly cyrus: string;
  readonly smmap: string;
}

interface Difference {
  readonly title: string;
  readonly reason: string;
  /** A key, or how one begins, that is answered differently because of this. */
  readonly example: string;
  readonly applies: (asked: Asked) => boolean;
}

/** We find it and smmapd does not. */
const onlyOurs = ({ cyrus, smmap }: Asked): boolean => cyrus === 'NOTFOUND' && smmap === 'OK';
/** We do not find it and smmapd does, be it full or closed. */
const onlyTheirs = ({ cyrus, smmap }: Asked): boolean => cyrus !== 'NOTFOUND' && smmap === 'NOTFOUND';
const isShared = ({ key, postuser }: Asked): boolean => key.toLowerCase().startsWith(`${postuser}+`);
/** What stands behind the first +, before the domain. */
const detailOf = ({ key }: Asked): string => /^[^+]*\+(.*?)(?:@[^@]*)?$/s.exec(key)?.[1] ?? '';
const domainOf = ({ key }: Asked): string => /@([^@]*)$/.exec(key)?.[1] ?? DEFAULT_DOMAIN;
const beforeDetail = ({ key }: Asked): string => key.split('+')[0] as string;

/** Every way in which we differ from smmapd, the first that applies. docs/cyrus.md has the same rows. */
const DIFFERENCES: readonly Difference[] = [
  {
    title: 'a mailbox over quota',
    reason: 'the dump does not tell how full a mailbox is',
    example: 'full@virt1.test',
    applies: ({ key, cyrus, smmap }) => /full|qmsg/i.test(key) && cyrus === 'TEMP' && smmap === 'OK',
  },
  {
    title: 'a NUL in a key',
    reason: 'smmapd answers what stands before it; no address holds one',
    example: 'fred\0x',
    applies: (asked) => asked.key.includes('\0') && onlyTheirs(asked),
  },
  {
    title: 'a deleted shared folder',
    reason: 'smmapd takes mail for what is only kept to be restored, until cyr_expire drops it',
    example: '+DELETED/shared/gone/',
    // However its number is written: smmapd reads it as strtoul(3) does, with blanks, signs and what follows.
    applies: (asked) => isShared(asked) && /^DELETED[/.]shared[/.]gone[/.]/.test(detailOf(asked)) && onlyTheirs(asked),
  },
  {
    title: 'a shared folder that may be seen but not posted to',
    reason: 'a list has no state for it, and the mail is refused by either word',
    example: '+shared/lookup',
    applies: (asked) => isShared(asked) && asked.cyrus === 'PERM' && asked.smmap === 'NOTFOUND',
  },
  {
    title: 'a caret for a dot',
    reason: 'it is how Cyrus spells a dot in its files, and no name that anybody is told',
    example: 'first^last',
    // Where the dot separates, one in a folder's name can be asked for as a caret only, and is found.
    applies: (asked) => (asked.separator === '/' ? asked.key : beforeDetail(asked)).includes('^') && onlyTheirs(asked),
  },
  {
    title: 'a separator too much',
    reason: 'smmapd drops empty names of folders; nobody writes them',
    example: 'fred+abc/',
    applies: (asked) =>
      detailOf(asked) !== '' && detailOf(asked).split(asked.separator).includes('') && onlyTheirs(asked),
  },
  {
    title: 'a shared folder of another domain',
    reason:
      'smmapd looks in the default domain, and only where that is left out or in lower case; lmtpd does take the mail',
    example: '+news/open@virt1.test',
    applies: (asked) => isShared(asked) && domainOf(asked) !== DEFAULT_DOMAIN && onlyOurs(asked),
  },
  {
    title: 'a shared folder by its name in the list of Cyrus',
    reason: 'smmapd finds one of another domain so, which nobody writes',
    example: '+virt1/test!news/open',
    applies: (asked) => isShared(asked) && asked.key.includes('!') && onlyTheirs(asked),
  },
  {
    title: 'nobody before the +, where that means no shared folder',
    reason: 'smmapd takes the detail for a user then, and lmtpd refuses the mail',
    example: '+joe@virt1.test',
    applies: (asked) =>
      asked.key.startsWith('+') && (asked.postuser !== '' || domainOf(asked) !== DEFAULT_DOMAIN) && onlyTheirs(asked),
  },
  {
    title: 'quotes',
    reason: '"fred" is fred (RFC 5321), and smmapd never takes them off',
    example: '"fred"@default.test',
    applies: (asked) => asked.key.startsWith('"') && onlyOurs(asked),
  },
  {
    title: 'a domain with a dot at its end',
    reason: 'it is the same domain',
    example: 'fred@default.test.',
    applies: (asked) => asked.key.endsWith('.') && onlyOurs(asked),
  },
  {
    title: 'what is no domain, where smmapd passes over it (virtdomains: off)',
    reason: 'no mail server asks for it, and it is no address',
    example: 'fred@',
    applies: (asked) => asked.virtdomains === 'off' && parseDomain(domainOf(asked)) === null && onlyTheirs(asked),
  },
  {
    title: 'a user of over 512 characters that are not all ASCII',
    reason: 'comparing it would take too long, and a doubt is TEMP',
    example: `\u00fc${'x'.repeat(600)}`,
    applies: ({ key, cyrus, smmap }) =>
      key.length > 512 && /[^\x00-\x7f]/.test(key) && cyrus === 'NOTFOUND' && smmap === 'TEMP',
  },
  {
    title: 'a folder in decomposed letters',
    reason: 'it is the same text (NFC), as some systems type it',
    example: 'fred+Entwu\u0308rfe',
    applies: (asked) => detailOf(asked) !== detailOf(asked).normalize('NFC') && onlyOurs(asked),
  },
  {
    title: 'a user or domain in letters that fold to others',
    reason: 'Unicode and IDNA hold them for the same, and mail servers fold before they ask',
    example: 'poſted@default.test',
    applies: (asked) => /[^\x00-\x7f]/.test(beforeDetail(asked) + domainOf(asked)) && onlyOurs(asked),
  },
];

const installed = await findCyrus(PARTS);

describePart('smmap, loaded from the dump of a real Cyrus, and its smmapd', installed, (installation) => {
  const asked: Asked[] = [];
  const differing = new Map<Difference | null, Asked[]>();

  beforeAll(async () => {
    for (const server of SERVERS) asked.push(...(await askBoth(installation, server)));
    for (const each of asked.filter(({ cyrus, smmap }) => cyrus !== smmap)) {
      const difference = DIFFERENCES.find(({ applies }) => applies(each)) ?? null;
      differing.set(difference, [...(differing.get(difference) ?? []), each]);
    }
    process.stderr.write(`${report(asked, differing)}\n`);
  });

  test('give the same answer to every key, or differ on purpose', () => {
    expect(differing.get(null) ?? []).toEqual([]);
    expect(asked.length).toBeGreaterThan(SERVERS.length * GENERATED);
  });

  test('find many of the keys, so the comparison means something', () => {
    expect(asked.filter(({ cyrus, smmap }) => cyrus === 'OK' && smmap === 'OK').length).toBeGreaterThan(
      asked.length / 20,
    );
  });

  describe('differ on purpose by', () => {
    test.for(DIFFERENCES.map((difference) => [difference.title, difference] as const))('%s', ([, difference]) => {
      const keys = (differing.get(difference) ?? []).map(({ key }) => key);
      expect(keys.find((key) => key.startsWith(difference.example))).toBeDefined();
    });
  });
});

describePart('the matrix of keys', installed, (installation) => {
  test.for(['/', '.'] as const)('gives the answers of smmapd and lmtpd with the separator %s', async (separator) => {
    const cyrus = await startCyrus(installation, { separator, postuser: '', virtdomains: 'userid' });
    try {
      const keys = ROWS.map(([key]) => key);
      const smmapd = await wordsOf(cyrus.smmapd, keys);
      const lmtpd = await lmtpRepliesOf(cyrus.lmtp, keys);
      const said = keys.map((key, at) => [key, smmapd[at], lmtpd[at]]);
      const written = ROWS.map(([key, slash, lmtpSlash, dot = slash, lmtpDot = lmtpSlash]) =>
        separator === '/' ? [key, slash, lmtpSlash] : [key, dot, lmtpDot],
      );
      expect(said).toEqual(written);
    } finally {
      await cyrus.stop();
    }
  });
});

describe('smmap mailbox import --format cyrus', () => {
  const entryOf = (name: string, acl = {}): string => `"${name}": {"mbtype": "e", "acl": ${JSON.stringify(acl)}}`;
  const listOf = (...entries: string[]): string => `{\n${entries.join(',\n')}\n}\n`;
  const FRED = entryOf('user.fred');

  async function importInto(store: string, list: string, args = ['--default-domain', 'example.org']) {
    await createEmpty(store);
    const { code, stderr } = await cli(
      ['mailbox', 'import', '--format', 'cyrus', ...args, '--store', store, '-'],
      list,
    );
    return [code, stderr];
  }
  const exported = async (store: string): Promise<string> =>
    (await cli(['mailbox', 'export', '--store', store])).stdout;

  test('adds and replaces, removes nothing, and says what it left out', async () => {
    const store = join(await makeFolder(), 'store');
    const shared = entryOf('shared.open', { anyone: 'lrsp' });
    const first = listOf(shared, FRED, entryOf('user.fred.abc'), entryOf('virt1.test!user.joe'));
    expect(await importInto(store, first)).toEqual([0, 'smmap: 3 imported: 3 added, 0 changed, 0 unchanged\n']);
    expect(await exported(store)).toBe(
      '@example.org folder=shared/open\nfred@example.org folder=abc\njoe@virt1.test\n',
    );
    expect((await cli(['mailbox', 'list', '--store', store])).stdout).toBe(
      '@example.org\nfred@example.org\njoe@virt1.test\n',
    );
    const second = listOf(entryOf('shared.open'), FRED, entryOf('user.UPPER'));
    const leftOut = 'smmap: standard input: user.UPPER: left out, because its user is not in lower case (keys are)\n';
    expect(await importInto(store, second)).toEqual([
      0,
      `${leftOut}smmap: 2 imported: 0 added, 2 changed, 0 unchanged\n`,
    ]);
    expect(await exported(store)).toBe('@example.org\nfred@example.org\njoe@virt1.test\n');
    const removed = await cli(['mailbox', 'remove', '--store', store, 'joe@virt1.test', '@example.org']);
    expect([removed.code, await exported(store)]).toEqual([0, 'fred@example.org\n']);
  });

  test('writes folders with the separator of its option', async () => {
    const store = join(await makeFolder(), 'store');
    const args = ['--default-domain', 'Example.ORG', '--separator', '.'];
    expect(await importInto(store, listOf(entryOf('user.fred.abc.deep')), args)).toEqual([
      0,
      'smmap: 1 imported: 1 added, 0 changed, 0 unchanged\n',
    ]);
    expect(await exported(store)).toBe('fred@example.org folder=abc.deep\n');
  });

  test.for([
    ['a list that was cut off', listOf(FRED).slice(0, -2), 'it has no } at its end'],
    ['a list without a mailbox', '{\n\n}\n', 'it has no mailbox'],
    ['nothing', '', 'it has no } at its end'],
  ] as const)('imports nothing of %s', async ([, list, reason]) => {
    const store = join(await makeFolder(), 'store');
    await importInto(store, listOf(entryOf('user.wilma')));
    const said = `smmap: standard input: is not a complete list of ctl_mboxlist -d: ${reason}\n`;
    expect(await importInto(store, list)).toEqual([65, said]);
    expect(await exported(store)).toBe('wilma@example.org\n');
  });

  test.for([
    [
      'no default domain',
      [],
      '--format cyrus needs --default-domain: the list does not have it; see defaultdomain in imapd.conf',
    ],
    ['one that is none', ['--default-domain', 'a b'], '--default-domain a b: is not a domain'],
    [
      'one for a list of lines',
      ['--format', 'list', '--default-domain', 'example.org'],
      '--default-domain is not possible with --format list, only with cyrus, passwd, dovecot, postmap',
    ],
    [
      'to take it for all there is, since it may end early without a sign',
      ['--default-domain', 'example.org', '--replace'],
      '--replace is not possible with --format cyrus, only with list, passwd, dovecot, postmap',
    ],
  ] as const)('refuses %s', async ([, args, reason]) => {
    expect(await importInto(await makeFolder(), listOf(FRED), [...args])).toEqual([64, `smmap: ${reason}\n`]);
  });
});

async function startCyrus(installation: Installation, server: Server): Promise<Cyrus> {
  const { separator, postuser, virtdomains } = server;
  const cyrus = await installation.start({ unixhierarchysep: separator === '/', postuser, virtdomains });
  try {
    await cyrus.create(virtdomains === 'off' ? withoutDomains(separator) : MAILBOXES);
    await cyrus.remove(DELETED);
    return cyrus;
  } catch (error) {
    await cyrus.stop();
    throw error;
  }
}

/** Loads a store from a Cyrus's own dump by the command, and asks the daemon over it what smmapd is asked. */
async function askBoth(installation: Installation, server: Server): Promise<Asked[]> {
  const cyrus = await startCyrus(installation, server);
  const folder = await mkdtemp(join(tmpdir(), 'smmap-'));
  const ends = [() => cyrus.stop(), () => rm(folder, { recursive: true, force: true })];
  try {
    const dump = await cyrus.dump();
    const store = join(folder, 'store');
    const format = ['--format', 'cyrus', '--default-domain', DEFAULT_DOMAIN, '--separator', server.separator];
    await createEmpty(store);
    const imported = await cli(['mailbox', 'import', ...format, '--store', store, '-'], dump);
    if (imported.code !== 0) throw new Error(`import ended with ${imported.code}: ${imported.stderr}`);
    const localDomains = server.virtdomains === 'off' ? '["*"]' : '[]';
    const config = `
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.local = { driver = "embedded", path = "${store}" }
      [map.mailbox]
      default_domain = "${DEFAULT_DOMAIN}"
      local_domains = ${localDomains}
      detail = { policy = "folder" }
      shared_user = "${server.postuser}"`;
    const daemon = await startDaemon({ folder, config }, (end) => ends.push(end));
    const keys = keysFor(server, dump);
    const [theirs, ours] = await Promise.all([wordsOf(cyrus.smmapd, keys), wordsOf(daemon.socket, keys)]);
    const { separator, postuser, virtdomains } = server;
    return keys.map((key, at) => ({
      separator,
      postuser,
      virtdomains,
      key,
      cyrus: theirs[at] as string,
      smmap: ours[at] as string,
    }));
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

/** The matrix, the examples, what stands in the dump, and generated keys around all of these. */
function keysFor({ separator, postuser }: Server, dump: string): string[] {
  const listed = Object.keys(JSON.parse(dump) as object).flatMap((name) => keysOf(name, separator));
  const examples = DIFFERENCES.map(({ example }) => example);
  const written = [...ROWS.map(([key]) => key), ...examples, ...MARKED, ...listed];
  const keys = written.flatMap((key) => (postuser !== '' && key.startsWith('+') ? [key, postuser + key] : [key]));
  const sampled = fc.sample(keyAround(keys), { seed: SEED, numRuns: 2 * GENERATED });
  const generated = [...new Set(sampled)].filter((key) => !keys.includes(key));
  return [...new Set(keys), ...generated.slice(0, GENERATED)];
}

/** An entry as somebody's folder, as a shared one, and as if its user were one. */
function keysOf(name: string, separator: string): string[] {
  const [, domain, path = '', user, below = ''] = /^(?:(.*)!)?((?:user\.([^.]+)\.?)?(.*))$/.exec(name) ?? [];
  const at = domain === undefined ? '' : `@${domain}`;
  const detail = below === '' ? '' : `+${below.replaceAll('.', separator)}`;
  const shared = `+${path.replaceAll('.', separator)}${at}`;
  return user === undefined ? [shared] : [shared, `${user.replaceAll('^', '.')}${detail}${at}`, `+${user}${at}`];
}

const ODD_CHARACTERS = Array.from('aZ09.^/+&-_@"\' \\%!\0\t~,=ſüK\u0308é😀\u007f');
const ODD = [...ODD_CHARACTERS, 'user', 'shared', '&-', '//', '..', '@virt1.test'];

/** Known users with known details in known domains, the user in any case; and with a character more, less or other. */
function keyAround(keys: readonly string[]): fc.Arbitrary<string> {
  const parts = keys.map((key) => /^([^+@]*)(\+[^@]*)?(@.*)?$/s.exec(key) ?? []);
  const oneOf = (at: number): fc.Arbitrary<string> => fc.constantFrom(...new Set(parts.map((part) => part[at] ?? '')));
  const user = oneOf(1).chain((name) => fc.oneof(fc.constant(name), fc.mixedCase(fc.constant(name))));
  const detail = fc.oneof(fc.constant(''), oneOf(2), oneOf(2));
  const domain = fc.oneof(fc.constantFrom('', `@${DEFAULT_DOMAIN}`, '@virt1.test', '@VIRT1.test'), oneOf(3));
  const fitting = fc.constantFrom(...parts).chain(([, name = '', its = '', home]) => {
    const where = home === undefined ? fc.constantFrom('', `@${DEFAULT_DOMAIN}`) : fc.mixedCase(fc.constant(home));
    return fc.tuple(fc.mixedCase(fc.constant(name)), fc.constant(its), where).map((three) => three.join(''));
  });
  const joined = fc.tuple(user, detail, domain).map((three) => three.join(''));
  const edited = fc
    .tuple(fc.oneof(fc.constantFrom(...keys), joined), fc.nat(), fc.constantFrom(0, 1), fc.constantFrom('', ...ODD))
    .map(([key, seed, dropped, put]) => {
      const characters = Array.from(key);
      characters.splice(seed % (characters.length + 1), dropped, put);
      return characters.join('');
    });
  return fc.oneof(fitting, fitting, joined, edited, fc.string({ unit: fc.constantFrom(...ODD), maxLength: 12 }));
}

/** The first word that a socket map server says of each key. */
async function wordsOf(path: string, keys: readonly string[]): Promise<string[]> {
  const client = await connectTo(path);
  try {
    const words: string[] = [];
    for (const key of keys) words.push((await client.ask('mailbox', key)).split(' ')[0] as string);
    return words;
  } finally {
    client.close();
  }
}

function report(asked: readonly Asked[], differing: ReadonlyMap<Difference | null, readonly Asked[]>): string {
  const found = asked.filter(({ cyrus }) => cyrus === 'OK').length;
  const count = (difference: Difference | null): number => differing.get(difference)?.length ?? 0;
  return [
    `cyrus: ${asked.length} keys compared (SMMAP_SEED=${SEED}), of which smmapd finds ${found}; they differ in`,
    ...DIFFERENCES.map((difference) => `${String(count(difference)).padStart(6)}  ${difference.title}`),
    `${String(count(null)).padStart(6)}  nothing that was meant to differ`,
  ].join('\n');
}
