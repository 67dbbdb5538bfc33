import { describe, expect, it } from 'vitest';
import { createDomainMap } from '../../src/map/domain.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { createMemoryStore } from '../../src/store/driver/memory.ts';
import { type Mailbox, parseMailboxLine } from '../../src/store/line.ts';

const held = ['fred@example.org', 'joe@b\u00fccher.example'].map((line) => parseMailboxLine(line) as Mailbox);
const aliasDomains = new Map([
  ['sales.example', 'example.org'],
  ['empty.example', 'nobody.example'],
]);

describe('a domain map', () => {
  const map = createDomainMap({ aliasDomains }, createMemoryStore(held));

  it.each([
    ['a domain with a mailbox', 'example.org', 'OK example.org'],
    ['capitals and a trailing dot', 'Example.ORG.', 'OK Example.ORG.'],
    ['a U-label', 'B\u00fccher.example', 'OK B\u00fccher.example'],
    ['an A-label', 'xn--bcher-kva.example', 'OK xn--bcher-kva.example'],
    ['a domain that stands for it', 'sales.example', 'OK sales.example'],
    ['a domain that stands for one without mailboxes', 'empty.example', 'NOTFOUND '],
    ['a domain without mailboxes', 'example.com', 'NOTFOUND '],
    ['a domain above', 'org', 'NOTFOUND '],
    ['a domain below', 'mail.example.org', 'NOTFOUND '],
    ['an address', 'fred@example.org', 'NOTFOUND '],
    ['the star that trivial-rewrite asks for', '*', 'NOTFOUND '],
    ['nothing', '', 'NOTFOUND '],
    ['no UTF-8', null, 'NOTFOUND '],
  ])('answers %s', async (_, key, reply) => {
    expect(formatReply(await map(key), 1_000)).toBe(reply);
  });

  it('fails where the store does', () => {
    const failing = createDomainMap(
      { aliasDomains },
      {
        lookup() {
          throw new Error('gone');
        },
        close: () => {},
      },
    );
    expect(() => failing('example.org')).toThrow('gone');
  });
});
