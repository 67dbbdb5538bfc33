import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRecipientLine, parseRecipientLine } from '../../src/format/recipients.ts';
import type { Mailbox } from '../../src/record/mailbox.ts';

const mailbox = (local: string, more: Partial<Mailbox> = {}): Mailbox => {
  return { about: 'mailbox', local, domain: 'example.org', state: 'active', value: '', folders: [], ...more };
};

describe('a line of a recipient table', () => {
  it.each<[string, Mailbox, string | null]>([
    ['a mailbox', mailbox('fred'), 'fred@example.org OK'],
    ['a mailbox with a path', mailbox('fred', { value: 'example.org/fred/' }), 'fred@example.org example.org/fred/'],
    ['a mailbox with another value', mailbox('fred', { value: '1000:1000:x' }), 'fred@example.org OK'],
    ['a mailbox over quota', mailbox('fred', { state: 'overquota' }), 'fred@example.org OK'],
    ['a disabled mailbox', mailbox('fred', { state: 'disabled' }), null],
    ['shared folders', mailbox('', { folders: ['news'] }), null],
  ])('is written for %s', (_, record, line) => {
    expect(formatRecipientLine(record)).toBe(line);
  });

  it.each([
    ['#fred', 'would be a comment'],
    ['a\u00a0b', 'has a blank'],
  ])('is not written for %s', (local, flaw) => {
    expect(formatRecipientLine(mailbox(local))).toMatchObject({ flaw: expect.stringContaining(flaw) as string });
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9][a-z0-9.+_-]{0,20}$/),
        fc.constantFrom('', 'a/b', '/var/mail/x y'),
        (local, value) => {
          const line = formatRecipientLine(mailbox(local, { value }));
          expect(parseRecipientLine(line as string, null)).toEqual(mailbox(local, { value }));
        },
      ),
    );
  });
});
