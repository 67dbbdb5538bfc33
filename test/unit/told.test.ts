import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/map/kinds.ts';
import { SERVERS, toldOf } from '../../src/mta/told.ts';
import type { Reply } from '../../src/vocabulary.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/mta.md', import.meta.url)), 'utf8');
const BOTH = ['netstring', 'line'];

/** What smmap replies in the rows of the table, by what stands in their first cell. */
const REPLIES: Readonly<Record<string, Reply['kind']>> = {
  'mailbox of the default domain': 'OK',
  'mailbox of a virtual domain': 'OK',
  'in capitals': 'OK',
  folder: 'OK',
  'unknown mailbox': 'NOTFOUND',
  'disabled mailbox': 'NOTFOUND',
  'mailbox over quota': 'TEMP',
  'the store is unavailable': 'TEMP',
};

const table = (/[<]!-- codes: generated[^\n]*-->\n(.*)[<]!-- end of codes -->/s.exec(page)?.[1] ?? '')
  .trim()
  .split('\n');
const rows = table.slice(2).map((line) => line.slice(2, -2).split(' | '));

const codesOf = (kind: Reply['kind'], server: string): string[] => {
  const reply = { kind, value: 'x', reason: 'x' } as Reply;
  const told = toldOf('mailbox', reply, 'fred@example.org', BOTH).find((each) => each.server === server);
  return [told?.text, told?.virtual ?? undefined].filter((text) => text !== undefined).map(codeOf);
};

/** As the table has it: an acceptance without its enhanced code. */
function codeOf(text: string): string {
  const [, code = '', status = ''] = /^(\d{3})((?: \d\.\d\.\d)?)/.exec(text) ?? [];
  return code.startsWith('2') ? code : `${code}${status}`;
}

describe('what explain says of a mail server', () => {
  it('is what the table of docs/mta.md has, which the tests of the real mail servers write', () => {
    expect(table[0]).toBe(`| | RCPT | ${SERVERS.join(' | ')} |`);
    const seen = new Map<string, Set<string>>();
    for (const [what = '', , ...cells] of rows) {
      const kind = REPLIES[what];
      if (kind === undefined) continue;
      cells.forEach((cell, at) => {
        if (cell === '-') return;
        const server = SERVERS[at] as string;
        expect(codesOf(kind, server), `${what}, ${server}`).toContain(cell);
        seen.set(`${server} ${kind}`, (seen.get(`${server} ${kind}`) ?? new Set()).add(cell));
      });
    }
    for (const server of SERVERS) {
      for (const kind of ['OK', 'NOTFOUND', 'TEMP'] as const) {
        expect([...(seen.get(`${server} ${kind}`) ?? [])].toSorted(), `${server} ${kind}`).toEqual(
          [...new Set(codesOf(kind, server))].toSorted(),
        );
      }
    }
  });

  it('is what docs/mta.md says of PERM', () => {
    expect(page).toContain('PERM differs: 550 in Sendmail, 451 in Postfix and Exim.');
    const codes = SERVERS.map((server) => codesOf('PERM', server).map((code) => code.slice(0, 3)));
    expect(codes).toEqual([['451'], ['550', '550'], ['451'], ['451', '424']]);
  });

  it.each(Object.keys(kinds))('is known for each reply of a map of kind %s', (kind) => {
    for (const word of ['OK', 'NOTFOUND', 'TEMP', 'TIMEOUT', 'PERM'] as const) {
      const told = toldOf(kind, { kind: word, value: 'x', reason: 'x' }, 'k', BOTH);
      expect(told.map(({ server }) => server)).toEqual(SERVERS);
      expect(told.filter(({ text }) => text.includes('KEY') || text === '')).toEqual([]);
    }
  });

  it('names what it lacks to be asked, and OpenSMTPD can be asked in two ways', () => {
    const lines = toldOf('mailbox', { kind: 'NOTFOUND' }, '$&', ['netstring']);
    expect(lines.map(({ text }) => text)).toEqual([
      '550 5.1.1 <$&>: Recipient address rejected: User unknown in virtual mailbox table',
      '550 5.1.1 <$&>... User unknown.',
      '550 5.1.1 User unknown',
      '550 Invalid recipient: <$&>',
    ]);
    expect(toldOf('mailbox', { kind: 'NOTFOUND' }, 'k', ['line']).map(({ isReply }) => isReply)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});
