// What each real mail server says at RCPT, with the built daemon behind it and with what `smmap mta` writes in its
// configuration. docs/mta.md has the same as a table.

import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test, vi } from 'vitest';
import { toldOf } from '../../src/mta/told.ts';
import type { Reply } from '../../src/vocabulary.ts';
import { RENEWALS } from '../support/long.ts';
import { openMarked } from '../support/marked.ts';
import { findExim } from './mta-exim.ts';
import { findOpensmtpd } from './mta-opensmtpd.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import { FIFTEEN, type Trouble, type World, makeWorld } from './mta-world.ts';
import { type Mta, type MtaPart, makeTrustedFolder } from './mta.ts';
import { type Missing, PARTS, describePart } from './part.ts';
import { type SmtpReply, openSmtp } from './smtp.ts';

interface Row {
  readonly what: string;
  readonly recipient: string;
  /** All recipients of one mail, where it has several; `recipient` is the first. */
  readonly together?: readonly string[];
  readonly trouble: Trouble;
}

const IN_TROUBLE = [
  'user1@example.org',
  'nobody@example.org',
  'user1@virt.example',
  'nobody@virt.example',
  'info@virt.example',
];

const ROWS: readonly Row[] = [
  ...(
    [
      ['mailbox of the default domain', 'user1@example.org'],
      ['the same, without a domain', 'user1'],
      ['the same, at the name of the mail server', 'user1@mx.example.org'],
      ['mailbox of a virtual domain', 'user1@virt.example'],
      ['in capitals', 'USER1@VIRT.EXAMPLE'],
      ['unknown mailbox', 'nobody@example.org'],
      ['unknown mailbox', 'nobody'],
      ['unknown mailbox', 'nobody@virt.example'],
      ['folder', 'user1+abc@example.org'],
      ['folder', 'user1+abc@virt.example'],
      ['folder that does not exist', 'user1+def@example.org'],
      ['folder that does not exist', 'user1+def@virt.example'],
      ['alias', 'info@virt.example'],
      ['alias and a folder of its target', 'info+abc@virt.example'],
      ['alias and a folder that its target does not have', 'info+def@virt.example'],
      ['address that a catch-all takes', 'anybody@caught.example'],
      ['quoted', '"quo ted"@example.org'],
      ['quoted', '"quo ted"@virt.example'],
      ['UTF-8', 'jörg@example.org'],
      ['UTF-8', 'jörg@virt.example'],
      ['mailbox over quota', 'full@example.org'],
      ['mailbox over quota', 'full@virt.example'],
      ['disabled mailbox', 'off@example.org'],
      ['disabled mailbox', 'off@virt.example'],
    ] as const
  ).map(([what, recipient]) => ({ what, recipient, trouble: 'none' as const })),
  ...(['store away', 'stopped', 'stalled', 'down', 'back'] as const).flatMap((trouble) =>
    IN_TROUBLE.map((recipient) => ({ what: '', recipient, trouble })),
  ),
  ...(['store away', 'down'] as const).map((trouble) => ({
    what: '',
    recipient: FIFTEEN[0] as string,
    together: FIFTEEN,
    trouble,
  })),
];

/** Trouble, as the table says it. */
const WORDS: Record<Exclude<Trouble, 'none'>, string> = {
  'store away': 'the store is unavailable',
  stopped: 'smmap hangs',
  stalled: 'smmap is stopped for twice its deadline',
  down: 'smmap is down',
  back: 'smmap runs again',
};

/** Who is there, and may be deferred but not refused. */
const THERE = /^(?:many\d+|user1(?:\+abc)?|"quo ted"|jörg|full)(?:@|$)|^info(?:\+abc)?@|@caught/i;

/** Recipients of one mail, who are in ROWS too; and as whom LMTP gets those who are there. */
const TOGETHER = [
  'user1@example.org',
  'nobody@virt.example',
  'user1+abc@virt.example',
  'user1+abc@example.org',
  'full@example.org',
  'info@virt.example',
  'nobody@example.org',
  '"quo ted"@example.org',
  '"quo ted"@virt.example',
  'jörg@virt.example',
  'anybody@caught.example',
];
const DELIVERED = [
  'user1@example.org',
  'user1+abc@example.org',
  'user1+abc@virt.example',
  'user1@virt.example',
  '"quo ted"@example.org',
  '"quo ted"@virt.example',
  'jörg@virt.example',
];

interface Server {
  readonly name: string;
  readonly title: string;
  readonly part: MtaPart | Missing;
  /** As whom LMTP gets the recipients. */
  readonly delivered: readonly string[];
  /** What stands in the table for a row that it cannot be asked. */
  readonly instead?: (row: Row) => string | null;
  /** What stands in the table for a row whose code depends on which of them is asked first. */
  readonly varies?: (row: Row) => string | null;
  /** Whether it never connects again once smmap was down. */
  readonly clings?: true;
  /** Recipients that it refuses by itself, without a question, though they are there. */
  readonly refuses?: RegExp;
}

const SERVERS: readonly Server[] = [
  {
    name: 'postfix',
    title: 'Postfix',
    part: await findPostfixServer(PARTS),
    delivered: DELIVERED,
    instead: ({ trouble }) => (trouble === 'stopped' ? '451 after 100 s (not tested)' : null),
  },
  {
    name: 'sendmail',
    title: 'Sendmail',
    part: await findSendmailServer(PARTS),
    // Users of class w go on without their domain.
    delivered: DELIVERED.map((each) => each.replace('@example.org', '')),
  },
  { name: 'exim', title: 'Exim', part: await findExim(PARTS), delivered: DELIVERED },
  {
    name: 'opensmtpd',
    title: 'OpenSMTPD',
    part: await findOpensmtpd(PARTS),
    // It has no quotes and no UTF-8, and a domain has either mailboxes or aliases.
    delivered: ['user1@example.org', 'user1+abc@example.org', 'user1+abc@virt.example'],
    instead({ trouble, recipient }) {
      if (/^info|^[^@]*$/.test(recipient)) return '-';
      return trouble === 'stopped' ? 'waits for ever (not tested)' : null;
    },
    // It asks about one recipient after the other. Who comes first has waited for too long, and the others have not.
    varies: ({ trouble }) => (trouble === 'stalled' ? '4xx for the client that waited, then as usual' : null),
    clings: true,
    refuses: /^"quo ted"|^jörg/,
  },
];

/** Rows whose reply of smmap is certain, and whose mailboxes the mail server asks for: `smmap explain` tells their texts. */
function isTold({ trouble, recipient }: Row): boolean {
  if (trouble !== 'none' && trouble !== 'store away') return false;
  return /^(?:user1|nobody|full|off)@(?:example|virt)/.test(recipient);
}

/** What `smmap explain` says that a mail server tells its client. */
function toldFor(title: string, { trouble, recipient }: Row): (string | null)[] {
  const word = trouble === 'store away' || recipient.startsWith('full') ? 'TEMP' : 'NOTFOUND';
  const reply = { kind: trouble === 'none' && recipient.startsWith('user1') ? 'OK' : word, value: '', reason: '' };
  return toldOf('mailbox', reply as Reply, recipient, ['netstring', 'line'])
    .filter(({ server }) => server === title)
    .flatMap(({ text, virtual }) => [text, virtual]);
}

/** The code for each row, by the name of the mail server. */
const codes = new Map<string, Map<Row, string>>();

for (const { name, title, part, delivered, instead = () => null, clings = false, refuses } of SERVERS) {
  const got = new Map<Row, string>();
  codes.set(name, got);

  describePart(`the real ${name}`, part, ({ start }) => {
    let world: World;
    let mta: Mta;
    const texts = new Map<Row, string>();

    beforeAll(async () => {
      const folder = await makeTrustedFolder();
      const ends = [() => rm(folder, { recursive: true, force: true })];
      const end = async (): Promise<void> => {
        for (const each of ends.toReversed()) await each();
      };
      try {
        world = await makeWorld(name, folder);
        ends.push(() => world.end());
        mta = await start(world.setting);
        ends.push(() => mta.stop());
      } catch (error) {
        await end();
        throw error;
      }
      return end;
    });

    const ask = async (row: Row): Promise<void> => {
      const smtp = await openSmtp(mta.port);
      try {
        const replies = await smtp.recipients(row.together ?? [row.recipient]);
        got.set(row, [...new Set(replies.map(codeOf))].join(', '));
        if (row.together === undefined) texts.set(row, (replies[0] as SmtpReply).text);
      } finally {
        smtp.close();
      }
    };
    const askAll = async (trouble: Trouble): Promise<void> => {
      const asked = ROWS.filter((row) => row.trouble === trouble && instead(row) === null);
      const end = await world.make(trouble);
      try {
        if (trouble === 'stopped' || trouble === 'stalled') await Promise.all(asked.map(ask));
        else for (const row of asked) await ask(row);
      } finally {
        await end();
      }
      const refused = asked.filter((row) => THERE.test(row.recipient) && /(?:^|, )5/.test(got.get(row) ?? ''));
      expect(refused.map(({ recipient }) => recipient).filter((each) => refuses?.test(each) !== true)).toEqual([]);
      expect(
        asked.filter((row) => row.recipient.startsWith('nobody') && got.get(row)?.startsWith('2') === true),
      ).toEqual([]);
      for (const row of asked.filter((each) => texts.has(each) && isTold(each))) {
        expect(toldFor(title, row), `${row.recipient}: ${trouble}`).toContain(texts.get(row));
      }
      // Nor is anybody let in of whom nothing is known. (Postfix asks once more where a connection ends, and is answered.)
      const unsure = trouble === 'store away' || trouble === 'stopped' || trouble === 'down';
      if (unsure) expect(asked.filter((row) => !/^4[^,]*(?:, 4[^,]*)*$/.test(got.get(row) ?? ''))).toEqual([]);
    };

    test('refuses no address that exists', () => askAll('none'));

    test('answers for each of several recipients, and delivers to those that exist', async () => {
      const smtp = await openSmtp(mta.port);
      const replies = await smtp.send(TOGETHER);
      smtp.close();
      const each = TOGETHER.map((recipient) => ROWS.find((row) => row.recipient === recipient) as Row);
      expect(replies.map(codeOf)).toEqual(each.map((row, at) => got.get(row) ?? codeOf(replies[at] as SmtpReply)));
      const all = (): string[] => [...new Set(world.lmtp.recipients)].toSorted();
      await vi.waitUntil(() => all().length >= delivered.length, 20_000).catch(() => {});
      expect(all(), mta.log()).toEqual(delivered.toSorted());
    });

    test(`answers every question of a live session across ${RENEWALS} reloads and ${RENEWALS} takeovers`, async () => {
      const asked = ['user1@virt.example', 'nobody@virt.example'];
      const expected = asked.map((recipient) => got.get(ROWS.find((row) => row.recipient === recipient) as Row));
      const smtp = await openSmtp(mta.port);
      const over = new AbortController();
      const asking = (async () => {
        const seen: string[] = [];
        while (!over.signal.aborted) {
          seen.push((await smtp.recipients(asked)).map(codeOf).join());
          await sleep(20);
        }
        return seen;
      })();
      for (let round = 0; round < RENEWALS; round++) await world.renew();
      over.abort();
      const seen = await asking;
      smtp.close();
      expect(new Set(seen), mta.log()).toEqual(new Set([expected.join()]));
      process.stderr.write(
        `${name}: ${RENEWALS} reloads, ${RENEWALS} takeovers, ${2 * seen.length} RCPTs of one session, none lost\n`,
      );
    });

    test('keeps mail that it cannot deliver yet, and delivers it once at a queue run', async () => {
      const waiting = ['user1@example.org', 'user1+abc@virt.example'];
      const before = world.lmtp.recipients.length;
      const arrived = (): string[] =>
        world.lmtp.recipients.slice(before).map((each) => each.replace('@example.org', ''));
      world.lmtp.busy = true;
      const smtp = await openSmtp(mta.port);
      expect((await smtp.send(waiting)).map(({ code }) => code)).toEqual([250, 250]);
      smtp.close();
      await mta.runQueue();
      const end = await world.make(clings ? 'none' : 'down');
      world.lmtp.busy = false;
      await mta.runQueue();
      await end();
      for (let tries = 0; tries < 40 && arrived().length < waiting.length; tries++) {
        await mta.runQueue();
        await sleep(500);
      }
      await sleep(1_000); // a second time would come now
      expect(arrived().toSorted(), mta.log()).toEqual(['user1', 'user1+abc@virt.example']);
    });

    test.each(['store away', 'stopped', 'stalled', 'down', 'back'] as const)(
      'refuses no address that exists, and accepts no unknown one: %s',
      (trouble) => askAll(trouble),
      60_000,
    );
  });
}

test('docs/mta.md shows these codes', async ({ skip }) => {
  // Recipients for whom the same is so in the same situation, or in the same trouble, stand in one line.
  const lines = new Map<string, { title: string; recipients: string[]; cells: string }>();
  for (const row of ROWS) {
    const cells = SERVERS.map(
      ({ name, instead, varies }) => instead?.(row) ?? varies?.(row) ?? codes.get(name)?.get(row),
    );
    if (cells.includes(undefined)) skip('not every mail server was asked');
    const together = row.together === undefined ? '' : `: ${row.together.length} mailboxes in one mail`;
    const line = {
      title: `${row.trouble === 'none' ? row.what : WORDS[row.trouble]}${together}`,
      recipients: [],
      cells: cells.join(' | '),
    };
    const key = `${line.title} | ${line.cells}`;
    lines.set(key, lines.get(key) ?? line);
    const last = row.together === undefined ? '' : ` to \`${row.together.at(-1)}\``;
    lines.get(key)?.recipients.push(`\`${row.recipient}\`${last}`);
  }
  const table = [
    `| | RCPT | ${SERVERS.map(({ title }) => title).join(' | ')} |`,
    `|---|---|${'---|'.repeat(SERVERS.length)}`,
    ...[...lines.values()].map(({ title, recipients, cells }) => `| ${title} | ${recipients.join(', ')} | ${cells} |`),
  ].join('\n');
  const codesOfPage = await openMarked('docs/mta.md', 'codes');
  if (process.env['SMMAP_WRITE_DOCS'] === '1') await codesOfPage.replace(table);
  else expect(codesOfPage.text, 'SMMAP_WRITE_DOCS=1 writes them').toBe(table);
});

/** A refusal with its enhanced code, an acceptance without, since that says nothing more. */
function codeOf({ code, status }: SmtpReply): string {
  return code < 400 ? `${code}` : `${code} ${status}`.trim();
}
