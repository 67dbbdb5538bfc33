import { describe, expect, it } from 'vitest';
import { type DomainOptions, createDomainMap } from '../../src/map/domain.ts';
import type { Lookup } from '../../src/map/moment.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { type HostedDomain, parseDomainLine } from '../../src/record/domain.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';

const held = [
  ...['fred@example.org', 'joe@b\u00fccher.example'].map((line) => parseMailboxLine(line) as Mailbox),
  ...['lists.example alias', 'far.example relay'].map((line) => parseDomainLine(line) as HostedDomain),
];
const aliasDomains = new Map([
  ['sales.example', 'example.org'],
  ['empty.example', 'nobody.example'],
]);

const DEFAULTS: DomainOptions = { aliasDomains, class: null, reply: 'key' };

describe('a domain map', () => {
  const map = createDomainMap(DEFAULTS);
  const store = createMemoryStore(held);

  it.each([
    ['a domain with a mailbox', 'example.org', 'OK example.org'],
    ['capitals and a trailing dot', 'Example.ORG.', 'OK Example.ORG.'],
    ['a U-label', 'B\u00fccher.example', 'OK B\u00fccher.example'],
    ['an A-label', 'xn--bcher-kva.example', 'OK xn--bcher-kva.example'],
    ['an alias domain', 'sales.example', 'OK sales.example'],
    ['an alias domain for a domain without mailboxes', 'empty.example', 'NOTFOUND '],
    ['a domain record with the class alias', 'lists.example', 'OK lists.example'],
    ['a domain record with the class relay', 'far.example', 'OK far.example'],
    ['a domain without mailboxes', 'example.com', 'NOTFOUND '],
    ['a parent domain', 'org', 'NOTFOUND '],
    ['a subdomain', 'mail.example.org', 'NOTFOUND '],
    ['an address', 'fred@example.org', 'NOTFOUND '],
    ['the star that trivial-rewrite asks for', '*', 'NOTFOUND '],
    ['nothing', '', 'NOTFOUND '],
    ['no UTF-8', null, 'NOTFOUND '],
  ])('answers %s', async (_, key, reply) => {
    expect(formatReply(await map(key, store), 1_000)).toBe(reply);
  });

  it.each<[string, string, Partial<DomainOptions>, string]>([
    ['a domain of that class', 'far.example', { class: 'relay' }, 'OK far.example'],
    ['a domain of another class', 'example.org', { class: 'relay' }, 'NOTFOUND '],
    ['a domain with mailboxes, without a record', 'example.org', { class: 'mailbox' }, 'OK example.org'],
    ['an alias domain for a domain of that class', 'sales.example', { class: 'mailbox' }, 'OK sales.example'],
    ['its class', 'far.example', { reply: 'value' }, 'OK relay'],
    ['the key, if the text of the reply is empty', 'far.example', { reply: { text: '%u' } }, 'OK far.example'],
    ['a transport', 'Sales.example', { reply: { text: 'lmtp:%d:%%:%s' } }, 'OK lmtp:example.org:%:Sales.example'],
  ])('of a class, or with another reply, answers %s', async (_, key, options, reply) => {
    const other = createDomainMap({ ...DEFAULTS, ...options });
    expect(formatReply(await other(key, createMemoryStore(held)), 1_000)).toBe(reply);
  });

  const holding = (value: string): Lookup => ({ lookup: () => ({ value, state: 'active' }) });
  const ask = async (options: Partial<DomainOptions>, value: string): Promise<string> => {
    try {
      return formatReply(await createDomainMap({ ...DEFAULTS, ...options })('a.example', holding(value)), 1_000);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const unknown = (word: string): string =>
    `the domain a.example has the unknown class "${word}": change it in the store to one of mailbox, alias, relay`;

  it.each<[string, Partial<DomainOptions>, string, string]>([
    ['in capitals', { class: 'mailbox' }, 'Mailbox', 'OK a.example'],
    ['in capitals, which is another one', { class: 'alias' }, 'RELAY', 'NOTFOUND '],
    ['that is empty', { class: 'mailbox' }, '', 'OK a.example'],
    ['that is empty, for a map of another class', { class: 'relay' }, '', 'NOTFOUND '],
    ['that smmap does not know', { class: 'mailbox' }, 'virtual', unknown('virtual')],
    ['that smmap does not know, for a map of another class', { class: 'relay' }, 'virtual', unknown('virtual')],
    ['with a blank', { class: 'alias' }, 'alias ', unknown('alias ')],
    ['that is one word of several', { class: 'mailbox' }, 'mailbox, relay', unknown('mailbox, relay')],
    ['that is a property of every object', { class: 'mailbox' }, 'constructor', unknown('constructor')],
    ['that smmap does not know, for a map of any class', {}, 'virtual', 'OK a.example'],
    ['that smmap does not know, as the value', { reply: 'value' }, 'virtual', 'OK virtual'],
  ])('reads a class %s', async (_, options, value, reply) => {
    expect(await ask(options, value)).toBe(reply);
  });

  it('fails if the store fails', () => {
    const failing: Lookup = {
      lookup() {
        throw new Error('gone');
      },
    };
    expect(() => createDomainMap(DEFAULTS)('example.org', failing)).toThrow('gone');
  });
});
