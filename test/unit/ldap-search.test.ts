import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { BerWriter } from 'ldapts';
import { describe, expect, it } from 'vitest';
import { encodeSearch } from '../../src/store/driver/ldap/message.ts';
import { type LdapSearch, type SearchOptions, answerTo, requestOf } from '../../src/store/driver/ldap/search.ts';
import { createWire } from '../../src/store/driver/ldap/wire.ts';
import { QuestionError, ReplicaError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';

const FRED: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};
const OPTIONS: SearchOptions = {
  base: 'dc=example,dc=org',
  timeoutMs: 1_000,
  certain: true,
  domainScope: false,
  searches: {
    mailbox: {
      base: null,
      scope: 'sub',
      filter: { kind: 'equal', attribute: 'mail', value: [{ parameter: 'address' }] },
      value: null,
      state: null,
      identity: null,
      empty: ['cn=configuration'],
    },
  },
};

describe('a search of LDAP that finds nothing', () => {
  const nothing = { code: 0, text: '', entries: [], refers: [] };

  it('is an absence', () => {
    expect(answerTo(FRED, nothing, OPTIONS)).toBeNull();
  });

  it.each<[string, string[][]]>([
    ['a part is on another server', [['ldap://b.example/ou=people,dc=example,dc=org']]],
    ['a part is on servers that the server does not name', [[]]],
    ['one part has no mailboxes, and another one has no name', [['ldap://b.example/cn=configuration,dc=org'], []]],
  ])('is a doubt if %s', (_, refers) => {
    expect(() => answerTo(FRED, { ...nothing, refers }, OPTIONS)).toThrow(QuestionError);
  });

  it('is an absence if the other part has no mailboxes', () => {
    const refers = [['ldap://b.example/cn=configuration,dc=org']];
    expect(answerTo(FRED, { ...nothing, refers }, OPTIONS)).toBeNull();
  });
});

it('what is not active in LDAP is a doubt on a replica, which may lag', () => {
  const state = { attribute: 'status', values: { on: 'active', off: 'disabled' } } as const;
  const mailbox = { ...(OPTIONS.searches.mailbox as LdapSearch), state };
  const said = (status: string, certain: boolean): unknown => {
    const attributes = new Map([['status', [Buffer.from(status)]]]);
    const entries = [{ dn: 'uid=fred', attributes, cut: false }];
    return answerTo(FRED, { code: 0, text: '', entries, refers: [] }, { ...OPTIONS, certain, searches: { mailbox } });
  };
  expect(() => said('off', false)).toThrow(ReplicaError);
  expect(said('on', false)).toMatchObject({ state: 'active' });
  expect(said('off', true)).toMatchObject({ state: 'disabled' });
});

it('an entry that was found by a name that it does not show is no absence', () => {
  const mailbox: LdapSearch = {
    ...(OPTIONS.searches.mailbox as LdapSearch),
    filter: {
      kind: 'or',
      filters: ['mail', 'other'].map((attribute) => ({
        kind: 'equal' as const,
        attribute,
        value: [{ parameter: 'address' }],
      })),
    },
    identity: ['mail', 'other'].map((attribute) => ({ column: 'address' as const, attribute, prefix: null })),
  };
  const said = (shown: Readonly<Record<string, string>>): unknown => {
    const attributes = new Map(Object.entries(shown).map(([name, value]) => [name, [Buffer.from(value)]]));
    const entries = [{ dn: 'uid=fred', attributes, cut: false }];
    return answerTo(FRED, { code: 0, text: '', entries, refers: [] }, { ...OPTIONS, searches: { mailbox } });
  };
  expect(() => said({ mail: 'joe@example.org' })).toThrow('was found by a name that the account may not read');
  expect(said({ mail: 'joe@example.org', other: 'j@example.org' })).toBeNull();
  expect(said({ mail: 'fred@example.org' })).toMatchObject({ state: 'active' });
  expect(said({ mail: 'fred@example.org.evil' })).toBeNull();
});

describe('a connection of LDAP', () => {
  it('ends if a search has no end, whatever size limit was asked for', async () => {
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const wire = createWire(socket as unknown as Socket, 60_000);
    const request = requestOf(FRED, OPTIONS);
    if (request === null) throw new Error('there is no search');
    const asking = wire.request('search', encodeSearch(request));
    const ended = asking.catch((cause: Error) => cause);
    for (let sent = 0; sent < 20 && !wire.lost(); sent++) {
      socket.push(entryOf(1_000_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.race([ended, Promise.resolve('still open')])).toMatchObject({
      message: expect.stringContaining('over 16777216 bytes for one search') as string,
    });
  });
});

/** An entry of the first request whose name has so many bytes. */
function entryOf(bytes: number): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(1);
  writer.startSequence(0x64);
  writer.writeString('x'.repeat(bytes));
  writer.startSequence();
  writer.endSequence();
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}
