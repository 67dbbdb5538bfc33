// The driver `smtp` asks real mail servers.

import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import { QuestionError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';
import { makeCertificates } from '../support/certificates.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { temporaryFolders } from '../support/folder.ts';
import { END, type Script, startSmtpd, usual } from '../support/smtpd.ts';
import {
  type RunningHop,
  type StartHop,
  findEximHop,
  findOpensmtpdHop,
  findPostfixHop,
  findSendmailHop,
  listOf,
} from './hops.ts';
import { type Missing, describePart } from './part.ts';

const USERS = Array.from({ length: 40 }, (_, at) => `user${at}`);
const ACTIVE = { value: '', state: 'active' };
/** The cache is off, as far as it can be. */
const UNCACHED = 'cache = { positive_ms = 1, negative_ms = 1, failure_ms = 0, stale_ms = 0 }';

const mailbox = (local: string, domain = 'example.org'): Question => {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
};

const opened: OpenStore[] = [];
const open = async (port: number, hop: string, more = ''): Promise<OpenStore> => {
  const toml = `[store.s]\ndriver = "smtp"\nserver = "tcp:127.0.0.1:${port}"\nhop = "${hop}"\ncanary = { mailbox = "canary@example.org" }\n${UNCACHED}\n${more}\n[map.m]\n`;
  const config = parseConfig(toml, 'test', { socket: '/nowhere/s', store: '/nowhere' }).stores.get('s');
  if (config === undefined) throw new Error('no store');
  const store = await openStore(config, UNTOLD);
  opened.push(store);
  return store;
};
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

/** What a store says: found, absent, a doubt, or the failure. */
const say = async (store: OpenStore, local: string, domain?: string): Promise<string> => {
  try {
    const answer = await store.lookup(mailbox(local, domain));
    return answer === null ? 'absent' : answer.state === ACTIVE.state ? 'found' : answer.state;
  } catch (cause) {
    return cause instanceof QuestionError ? 'doubt' : (cause as Error).message;
  }
};

/** Asks 50 questions at a time for a second, and counts what is said. */
async function flood(store: OpenStore): Promise<Record<'asked' | 'wrong' | 'found' | 'absent', number>> {
  const count = { asked: 0, wrong: 0, found: 0, absent: 0 };
  const until = performance.now() + 1_000;
  const ask = async (local: string): Promise<void> => {
    while (performance.now() < until) {
      count.asked++;
      const answer = await say(store, local);
      if (answer === 'found') count.found++;
      if (answer === 'absent') count.absent++;
      if (answer === (local.startsWith('no-') ? 'found' : 'absent')) count.wrong++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await Promise.all(Array.from({ length: 50 }, (_, nth) => ask(`${nth % 2 === 0 ? '' : 'no-'}user${nth % 40}`)));
  return count;
}

interface Case {
  readonly hop: string;
  readonly find: () => Promise<{ readonly start: StartHop } | Missing>;
  /** How many questions: with some hops each takes long. */
  readonly questions: number;
  readonly more?: string;
}

const CASES: readonly Case[] = [
  { hop: 'exim', find: findEximHop, questions: 200 },
  { hop: 'postfix', find: findPostfixHop, questions: 150 },
  { hop: 'opensmtpd', find: findOpensmtpdHop, questions: 200 },
  { hop: 'sendmail', find: findSendmailHop, questions: 150 },
];

for (const { hop, find, questions, more } of CASES) {
  describePart(`a next hop: ${hop}`, await find(), ({ start }) => {
    let running: RunningHop;
    beforeAll(async () => {
      running = await start(['postmaster', 'canary', ...USERS], more);
    });
    afterAll(async () => await running.remove());

    it('is asked who exists, and is never wrong', async () => {
      const store = await open(running.port, hop);
      const wrong: string[] = [];
      const begun = performance.now();
      for (let at = 0; at < questions; at += 20) {
        const locals = Array.from(
          { length: 20 },
          (_, nth) => `${(at + nth) % 2 === 0 ? 'user' : 'no-user'}${(at + nth) % 40}`,
        );
        const answers = await Promise.all(locals.map((local) => say(store, local)));
        answers.forEach((answer, nth) => {
          const local = locals[nth] as string;
          if (answer !== (local.startsWith('no-') ? 'absent' : 'found')) wrong.push(`${local}: ${answer}`);
        });
      }
      const ms = Math.round(performance.now() - begun);
      process.stderr.write(`${hop}: ${questions} questions in ${ms} ms, ${wrong.length} without the right answer\n`);
      expect(wrong, running.log().slice(-2_000)).toEqual([]);
    });

    it('is not believed about a domain that it does not have', async () => {
      const store = await open(running.port, hop);
      expect(await say(store, 'user1', 'foreign.test')).not.toBe('absent');
      expect(await say(store, 'user1')).toBe('found');
    });
  });
}

const PRESENT = USERS.map((user) => mailbox(user));
const ABSENT = USERS.map((user) => mailbox(`no-${user}`));
const LIST = ['postmaster', 'canary', ...USERS];

describePart('Exim as a next hop, with 50 questions in flight', await findEximHop(), ({ start }) => {
  let running: RunningHop;
  beforeAll(async () => {
    running = await start(LIST);
  });
  afterAll(async () => await running.remove());

  const all = (signal: string) => running.type(`kill -${signal} -1 || true`);

  it('tells no lies while it is killed and started again', async () => {
    const store = await open(running.port, 'exim');
    const outcome = await expectNoLies(store, {
      present: PRESENT,
      absent: ABSENT,
      fault: () => running.stop(),
      mend: async () => void (running = await running.restart()),
    });
    tell('Exim, SIGKILL', outcome);
  });

  it('tells no lies while it hangs', async () => {
    const store = await open(running.port, 'exim', 'timeout_ms = 1_500');
    const outcome = await expectNoLies(store, {
      present: PRESENT,
      absent: ABSENT,
      fault: async () => void (await all('STOP')),
      brokenMs: 2_000,
      mend: async () => void (await all('CONT')),
    });
    tell('Exim, SIGSTOP', outcome);
  });

  it('tells no lies while its list of users is empty', async () => {
    const store = await open(running.port, 'exim');
    const replace = async (users: readonly string[]): Promise<void> => {
      await writeFile(`${running.users}.new`, listOf(users));
      await rename(`${running.users}.new`, running.users);
    };
    const outcome = await expectNoLies(store, {
      present: PRESENT,
      absent: ABSENT,
      fault: () => replace([]),
      mend: () => replace(LIST),
    });
    tell('Exim, its list of users is empty', outcome);
  });

  it('tells no lies while its list of users is away', async () => {
    const store = await open(running.port, 'exim');
    const outcome = await expectNoLies(store, {
      present: PRESENT,
      absent: ABSENT,
      fault: () => rename(running.users, `${running.users}.away`),
      mend: () => rename(`${running.users}.away`, running.users),
    });
    tell('Exim, its list of users is away', outcome);
  });

  it('is believed nothing in a domain where it accepts everybody, unless that is wanted', async () => {
    const store = await open(running.port, 'exim');
    expect(await say(store, 'user1', 'all.test')).toBe('doubt');
    expect(await say(store, 'no-user1', 'all.test')).toBe('doubt');
    const trusting = await open(running.port, 'exim', 'accepts_all = "ok"');
    expect(await say(trusting, 'user1', 'all.test')).toBe('found');
  });
});

describePart('Postfix as a next hop', await findPostfixHop(), ({ start }) => {
  it('slows down after 97 that it accepts, and is not wrong then', async () => {
    const running = await start(LIST);
    try {
      const store = await open(running.port, 'postfix', 'batch = 1\ntimeout_ms = 3_000');
      const answers: string[] = [];
      for (let at = 0; at < 104; at += 2) {
        answers.push(...(await Promise.all([say(store, `user${at % 40}`), say(store, `user${(at + 1) % 40}`)])));
      }
      expect(answers.filter((answer) => answer !== 'found')).toEqual([]);
      expect(await say(store, 'no-user')).toBe('absent');
    } finally {
      await running.remove();
    }
  });
});

describePart('Sendmail as a next hop', await findSendmailHop(), ({ start }) => {
  it('accepts everybody while its map is down, and is not believed then', async () => {
    const running = await start(
      LIST,
      "FEATURE(`virtusertable', `socket -T<TMPF> local:/run/nowhere')dnl\nVIRTUSER_DOMAIN(`example.org')dnl",
    );
    try {
      const store = await open(running.port, 'sendmail');
      expect([await say(store, 'user1'), await say(store, 'no-user1')]).toEqual(['doubt', 'doubt']);
    } finally {
      await running.remove();
    }
  });
});

describe('a next hop, with 50 questions in flight', () => {
  const folder = temporaryFolders();
  const isKnown = (line: string): boolean => /^RCPT TO:<(?:user|canary@|postmaster@)/.test(line);
  const normal = (line: string): string => {
    if (!line.startsWith('RCPT')) return usual(line);
    return isKnown(line) ? '250 2.1.5 Ok\r\n' : '550 5.1.1 unknown\r\n';
  };

  it.each<[string, (line: string) => string | null]>([
    ['defers everybody', (line) => (line.startsWith('RCPT') ? '450 4.2.0 Greylisted\r\n' : usual(line))],
    ['ends each session', (line) => (line.startsWith('RCPT') ? END : usual(line))],
    [
      'refuses everybody, with the right code',
      (line) => (line.startsWith('RCPT') ? '550 5.1.1 unknown\r\n' : usual(line)),
    ],
    ['refuses everybody, with another code', (line) => (line.startsWith('RCPT') ? '554 5.7.1 no\r\n' : usual(line))],
    ['says 503', (line) => (line.startsWith('RCPT') ? '503 5.5.1 MAIL first\r\n' : usual(line))],
    ['says nothing', (line) => (line.startsWith('RCPT') ? null : usual(line))],
  ])('tells no lies while it %s', async (what, broken) => {
    let isBroken = false;
    const smtpd = await startSmtpd({ reply: (line) => (isBroken ? broken(line) : normal(line)) });
    try {
      const store = await open(smtpd.port, 'other', 'timeout_ms = 500');
      const outcome = await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => void (isBroken = true),
        mend: () => void (isBroken = false),
      });
      tell(`a next hop that ${what}`, outcome);
    } finally {
      await smtpd.stop();
    }
  });

  it.each<[string, Partial<Script>, string]>([
    ['accepts everybody', { reply: (line) => (line.startsWith('RCPT') ? '250 2.1.5 Ok\r\n' : usual(line)) }, ''],
    ['says 421 at once', { greeting: `421 4.7.0 busy\r\n${END}` }, ''],
    ['has a certificate that nobody trusts', {}, 'tls = {}'],
    ['is another server', { greeting: '* OK IMAP4rev1\r\n' }, ''],
  ])('that %s is believed nothing', async (what, script, more) => {
    const at = folder();
    await makeCertificates(at);
    const tls = createSecureContext({ cert: readFileSync(`${at}/server.pem`), key: readFileSync(`${at}/server.key`) });
    const offering = (line: string): string => {
      if (line.startsWith('STARTTLS')) return '220 go\r\n';
      return line.startsWith('EHLO') ? '250-here\r\n250-STARTTLS\r\n250 PIPELINING\r\n' : normal(line);
    };
    const smtpd = await startSmtpd({ reply: offering, tls, ...script });
    try {
      const store = await open(smtpd.port, 'other', more);
      const { asked, wrong, found, absent } = await flood(store);
      process.stderr.write(
        `a next hop that ${what}: ${asked} questions, ${found + absent} answers, ${smtpd.connections()} connections\n`,
      );
      expect([wrong, found, absent]).toEqual([0, 0, 0]);
      if (what.includes('421')) expect(smtpd.connections()).toBeLessThanOrEqual(2);
    } finally {
      await smtpd.stop();
    }
  });

  it('that is not there is believed nothing', async () => {
    const store = await open(1, 'other');
    expect(await say(store, 'no-user1')).toContain('ECONNREFUSED');
  });
});
