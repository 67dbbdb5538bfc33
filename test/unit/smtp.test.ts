import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type SmtpOptions, createSmtp } from '../../src/store/driver/smtp/driver.ts';
import { mailHostsOf } from '../../src/store/driver/smtp/mx.ts';
import { createPause } from '../../src/store/driver/smtp/pause.ts';
import { createTrials } from '../../src/store/driver/smtp/trial.ts';
import { type Bulk, QuestionError, StoreError } from '../../src/store/store.ts';
import type { MailboxQuestion } from '../../src/vocabulary.ts';
import { END, type Smtpd, startSmtpd, usual } from '../support/smtpd.ts';

const opened: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.stop();
});

const mailbox = (address: string): MailboxQuestion => {
  const [local = '', domain = 'a.test'] = address.split('@');
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
};

type Reply = (line: string, connection: number) => string | null | undefined;

/** A server that replies as usual, but for some lines. */
async function setUp(reply: Reply, more: Partial<SmtpOptions> = {}): Promise<Smtpd & { bulk: Bulk }> {
  const smtpd = await startSmtpd({
    greeting: null,
    reply(line, connection) {
      const said = reply(line, connection);
      return said === undefined ? usual(line) : said;
    },
    greet: (connection) => reply('', connection) ?? '220 here\r\n',
  });
  const bulk = createSmtp({
    endpoint: { kind: 'tcp', host: '127.0.0.1', port: smtpd.port },
    domains: [],
    hop: 'other',
    helo: 'me.test',
    acceptsAll: 'doubt',
    timeoutMs: 10_000,
    tls: null,
    login: null,
    canaries: [{ local: 'b', domain: 'a.test' }],
    ...more,
  });
  opened.push({ stop: () => bulk.close() }, smtpd);
  return { ...smtpd, bulk };
}

/** What is said of each: found, absent, doubt (of that question), or failure. */
async function ask(bulk: Bulk, ...addresses: readonly string[]): Promise<readonly string[]> {
  const answers = await bulk.lookupAll(addresses.map(mailbox));
  return answers.map((answer) => {
    if (answer === null) return 'absent';
    if (answer instanceof QuestionError) return 'doubt';
    return answer instanceof StoreError ? 'failure' : answer.state === 'active' ? 'found' : answer.state;
  });
}
const whyOf = async (bulk: Bulk, address: string): Promise<string> => {
  const [answer] = await bulk.lookupAll([mailbox(address)]);
  return answer instanceof Error ? answer.message : JSON.stringify(answer);
};
const rcpts = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.startsWith('RCPT'));
const is = (line: string, local: string): boolean => line.startsWith(`RCPT TO:<${local}@`);

describe('a store that asks the next hop', () => {
  it('asks for each in a transaction of its own, and believes a refusal if the canary is accepted in it', async () => {
    const { bulk, lines } = await setUp(() => undefined);
    expect(await ask(bulk, 'a', 'c', 'b')).toEqual(['found', 'absent', 'found']);
    await sleep(50);
    expect(lines.map((line) => line.replace(/smmap-[0-9a-f]{16}/, 'RANDOM'))).toEqual([
      'EHLO me.test',
      'MAIL FROM:<>',
      'RCPT TO:<a@a.test>',
      'RCPT TO:<RANDOM@a.test>',
      'RSET',
      'MAIL FROM:<>',
      'RCPT TO:<c@a.test>',
      'RCPT TO:<b@a.test>',
      'RCPT TO:<c@a.test>',
      'RSET',
      'MAIL FROM:<>',
      'RCPT TO:<b@a.test>',
      'RSET',
    ]);
  });

  it('never begins to deliver', async () => {
    const { bulk, lines } = await setUp(() => undefined);
    for (let round = 0; round < 5; round++) await ask(bulk, 'a', 'c', 'a@b.test', 'c@b.test');
    expect(lines.filter((line) => !/^(EHLO|MAIL FROM:<>$|RCPT|RSET|QUIT)/.test(line))).toEqual([]);
  });

  it('asks the postmaster too if the domain is not that of the canary', async () => {
    const { bulk, lines } = await setUp(() => undefined);
    expect(await ask(bulk, 'c@other.test')).toEqual(['absent']);
    expect(rcpts(lines)).toEqual(
      ['c@other.test', 'b@a.test', 'postmaster@other.test', 'c@other.test'].map((each) => `RCPT TO:<${each}>`),
    );
  });

  it('asks a canary of the domain itself, if there is one', async () => {
    const canaries = [
      { local: 'b', domain: 'a.test' },
      { local: 'a', domain: 'other.test' },
    ] as const;
    const { bulk, lines } = await setUp(() => undefined, { canaries });
    expect(await ask(bulk, 'c@other.test')).toEqual(['absent']);
    expect(rcpts(lines)).toEqual(['c@other.test', 'a@other.test', 'c@other.test'].map((each) => `RCPT TO:<${each}>`));
  });

  it.each<[string, Reply]>([
    ['the canary is refused, too', (line) => (is(line, 'b') ? '550 5.1.1 unknown\r\n' : undefined)],
    ['the canary is deferred', (line) => (is(line, 'b') ? '451 4.3.0 later\r\n' : undefined)],
    [
      'everybody is refused after bad ones, as by Exim',
      (line) => (line.startsWith('RCPT') ? '550 Rejected for too many bad recipients\r\n' : undefined),
    ],
    ['it talks of no mailbox', (line) => (is(line, 'c') ? '550 5.7.1 Relaying denied\r\n' : undefined)],
    ['it has no enhanced code', (line) => (is(line, 'c') ? '550 Unrouteable address\r\n' : undefined)],
    ['it is a greylist', (line) => (line.startsWith('RCPT') ? '450 4.2.0 Greylisted\r\n' : undefined)],
  ])('does not believe a refusal if %s', async (_, reply) => {
    const { bulk } = await setUp(reply);
    expect(await ask(bulk, 'c', 'c')).toEqual(['doubt', 'doubt']);
  });

  it('does not believe a refusal if the server recovers before the canary is asked', async () => {
    let refusals = 0;
    const { bulk } = await setUp((line) => (is(line, 'a') && refusals++ === 0 ? '550 5.1.1 unknown\r\n' : undefined));
    expect(await ask(bulk, 'a', 'a')).toEqual(['doubt', 'found']);
  });

  it.each<[SmtpOptions['hop'], string]>([
    ['exim', '550 Unrouteable address\r\n'],
    ['opensmtpd', '550 Invalid recipient: <c@a.test>\r\n'],
  ])('believes the words of %s', async (hop, said) => {
    const { bulk } = await setUp((line) => (is(line, 'c') ? said : undefined), { hop });
    expect(await ask(bulk, 'c', 'a')).toEqual(['absent', 'found']);
  });

  it('does not take the words of OpenSMTPD for an absence in a domain that it does not host', async () => {
    const { bulk } = await setUp(
      (line) =>
        line.includes('@foreign.test') ? `550 Invalid recipient: <${/<(.*)>/.exec(line)?.[1]}>\r\n` : undefined,
      { hop: 'opensmtpd' },
    );
    expect(await ask(bulk, 'c@foreign.test', 'postmaster@foreign.test')).toEqual(['doubt', 'doubt']);
  });

  it('does not take "will queue" of Sendmail for an acceptance', async () => {
    let isDown = false;
    const { bulk } = await setUp((line) => {
      return isDown && line.startsWith('RCPT') ? '250 2.1.5 <x>... Recipient ok (will queue)\r\n' : undefined;
    });
    expect(await ask(bulk, 'a', 'c')).toEqual(['found', 'absent']);
    isDown = true;
    expect(await ask(bulk, 'a', 'c')).toEqual(['doubt', 'doubt']);
  });

  it('confirms by VRFY what Postfix refuses, and by RCPT where that is disabled', async () => {
    const allowed = await setUp((line) => (line.startsWith('VRFY b@') ? '252 2.0.0 b\r\n' : undefined), {
      hop: 'postfix',
    });
    expect(await ask(allowed.bulk, 'c')).toEqual(['absent']);
    expect(rcpts(allowed.lines)).toEqual(['RCPT TO:<c@a.test>', 'RCPT TO:<c@a.test>']);
    const disabled = await setUp((line) => (line.startsWith('VRFY') ? '502 5.5.1 disabled\r\n' : undefined), {
      hop: 'postfix',
    });
    expect(await ask(disabled.bulk, 'c')).toEqual(['absent']);
    const unknown = await setUp(
      (line) => (line.startsWith('VRFY') || is(line, 'b') ? '550 5.1.1 unknown\r\n' : undefined),
      { hop: 'postfix' },
    );
    expect(await ask(unknown.bulk, 'c')).toEqual(['doubt']);
  });

  describe('that accepts everybody', () => {
    const everybody: Reply = (line) => (line.startsWith('RCPT') ? '250 2.1.5 Ok\r\n' : undefined);
    it('is believed nothing', async () => {
      const { bulk, lines } = await setUp(everybody);
      expect(await ask(bulk, 'a', 'c')).toEqual(['doubt', 'doubt']);
      expect(await whyOf(bulk, 'a')).toContain('accepts everybody in a.test');
      expect(rcpts(lines).filter((line) => line.includes('smmap-'))).toHaveLength(1); // once an hour
    });

    it('is believed what it accepts, and no refusal, if the configuration says so', async () => {
      const { bulk } = await setUp((line) => (is(line, 'd') ? undefined : everybody(line, 0)), { acceptsAll: 'ok' });
      expect(await ask(bulk, 'a', 'c', 'd')).toEqual(['found', 'found', 'doubt']);
    });

    it('in one domain is believed in the others', async () => {
      const { bulk } = await setUp((line) => (line.includes('@all.test') ? everybody(line, 0) : undefined));
      expect(await ask(bulk, 'a@all.test', 'a', 'c', 'a@b.test')).toEqual(['doubt', 'found', 'absent', 'found']);
    });

    it('or not, is a doubt if nobody can tell', async () => {
      const { bulk } = await setUp((line) =>
        is(line, 'smmap-[') || line.includes('smmap-') ? '450 4.2.0 x\r\n' : undefined,
      );
      expect(await ask(bulk, 'a', 'a')).toEqual(['doubt', 'doubt']);
    });
  });

  it.each<[SmtpOptions['hop'], number, number]>([
    ['other', 10, 8],
    ['exim', 10, 8],
    ['postfix', 50, 8],
  ])('ends a session with %s after %d checks, and after %d refusals', async (hop, checks, refusals) => {
    let worst = { checks: 0, refusals: 0 };
    const counts = new Map<number, typeof worst>();
    const { bulk } = await setUp(
      (line, connection) => {
        const count = counts.get(connection) ?? { checks: 0, refusals: 0 };
        if (line.startsWith('MAIL')) count.checks++;
        if (line.startsWith('RCPT') && usual(line).startsWith('550')) count.refusals++;
        counts.set(connection, count);
        return line.startsWith('VRFY') ? '252 2.0.0 x\r\n' : undefined;
      },
      { hop },
    );
    const expected = Array.from({ length: 300 }, (_, at) => (at >= 150 ? 'absent' : 'found'));
    const answers: string[] = [];
    for (let at = 0; at < 300; at += 10) {
      answers.push(...(await ask(bulk, ...expected.slice(at, at + 10).map((each) => (each === 'found' ? 'a' : 'c')))));
    }
    expect(answers).toEqual(expected);
    for (const each of counts.values()) {
      worst = { checks: Math.max(worst.checks, each.checks), refusals: Math.max(worst.refusals, each.refusals) };
    }
    expect(worst.checks).toBe(checks);
    expect(worst.refusals).toBeLessThanOrEqual(refusals);
    expect(worst.refusals).toBeGreaterThan(refusals - 3);
  });

  it('asks only one thing at a time of a server that does not offer PIPELINING', async () => {
    let open = 0;
    let most = 0;
    const smtpd = await setUp((line) => {
      most = Math.max(most, ++open);
      setImmediate(() => open--);
      return line.startsWith('EHLO') ? '250 here\r\n' : undefined;
    });
    expect(await ask(smtpd.bulk, 'a', 'c', 'a')).toEqual(['found', 'absent', 'found']);
    expect(most).toBe(1);
  });

  it('does not talk before the greeting', async () => {
    const { bulk, lines, send } = await setUp((line) => (line === '' ? '' : undefined));
    const asked = ask(bulk, 'a');
    await sleep(100);
    expect(lines).toEqual([]);
    send('220 here\r\n');
    expect(await asked).toEqual(['found']);
  });

  it('leaves a server alone that said 421, for longer each time', async () => {
    let busy = true;
    const { bulk, connections } = await setUp(
      (line) => (line === '' && busy ? `421 4.7.0 too many connections\r\n${END}` : undefined),
      { pause: { firstMs: 200, longestMs: 800 } },
    );
    await expect(ask(bulk, 'a')).rejects.toThrow('421 4.7.0 too many connections');
    await expect(ask(bulk, 'a')).rejects.toThrow('the server said 421 and is not asked for 200 ms');
    expect(connections()).toBe(1);
    await sleep(220);
    await expect(ask(bulk, 'a')).rejects.toThrow('421 4.7.0 too many connections');
    await expect(ask(bulk, 'a')).rejects.toThrow('not asked for 400 ms');
    busy = false;
    await sleep(420);
    expect(await ask(bulk, 'a', 'c')).toEqual(['found', 'absent']);
    expect(connections()).toBe(3);
  });

  it('believes nothing of a session that ends by 421 in between', async () => {
    const { bulk, connections } = await setUp(
      (line) => (is(line, 'c') ? `421 4.7.0 too many errors\r\n${END}` : undefined),
      { pause: { firstMs: 10_000, longestMs: 10_000 } },
    );
    await expect(ask(bulk, 'a', 'c')).rejects.toThrow('421');
    await expect(ask(bulk, 'a')).rejects.toThrow('not asked');
    expect(connections()).toBe(1);
  });

  it('is in doubt about domains that the store does not have, and reaches the server first', async () => {
    const { bulk, connections } = await setUp(() => undefined, { domains: ['a.test'] });
    expect(await ask(bulk, 'a@smmap.invalid')).toEqual(['doubt']);
    expect(connections()).toBe(1);
    expect(await ask(bulk, 'a', 'a@b.test', 'c')).toEqual(['found', 'doubt', 'absent']);
    const gone = await setUp(() => undefined, {
      domains: ['a.test'],
      endpoint: { kind: 'tcp', host: '127.0.0.1', port: 1 },
    });
    await expect(ask(gone.bulk, 'a@smmap.invalid')).rejects.toThrow('ECONNREFUSED');
  });

  it('never shows the words of the server as its own', async () => {
    const { bulk } = await setUp((line) => (is(line, 'a') ? '554 5.7.1 secret words\r\n' : undefined));
    const [answer] = await bulk.lookupAll([mailbox('a')]);
    const parts = (answer as StoreError).said.parts.filter(({ text }) => text.includes('secret words'));
    expect(parts.map(({ kind }) => kind)).toEqual(['foreign']);
  });
});

describe('a store that asks the MX hosts of its domains', () => {
  /** The servers share a port, on different addresses of this machine. */
  const world = async () => {
    const asked: string[] = [];
    const smtpd = await setUp((line) =>
      is(line, 'a') && line.includes('@b.test') ? '451 4.3.0 later\r\n' : undefined,
    );
    const hosts: Readonly<Record<string, readonly string[]>> = {
      'a.test': ['127.0.0.77', '127.0.0.1'], // nobody listens at the first
      'b.test': ['127.0.0.1'],
      'down.test': ['127.0.0.77'],
    };
    const bulk = createSmtp({
      endpoint: null,
      domains: ['down.test', 'a.test', 'b.test', 'gone.test'],
      hop: 'other',
      helo: 'me.test',
      acceptsAll: 'doubt',
      timeoutMs: 10_000,
      tls: null,
      login: null,
      canaries: [{ local: 'b', domain: 'a.test' }],
      mx: {
        port: smtpd.port,
        resolve: (domain) => {
          asked.push(domain);
          const known = hosts[domain];
          if (known === undefined) return Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
          return Promise.resolve(known.map((exchange, at) => ({ exchange, priority: 10 * at })));
        },
      },
    });
    opened.push({ stop: () => bulk.close() });
    return { bulk, asked, smtpd };
  };

  it('asks each domain at its own hosts, and the next host if one is not there', async () => {
    const { bulk, asked, smtpd } = await world();
    expect(await ask(bulk, 'a', 'c', 'c@b.test', 'a@b.test')).toEqual(['found', 'absent', 'absent', 'doubt']);
    expect(await ask(bulk, 'c')).toEqual(['absent']);
    expect(asked).toEqual(['a.test', 'b.test']); // once
    expect(smtpd.connections()).toBe(2);
  });

  it('asks a host that failed after the others, for a minute', async () => {
    const { bulk, smtpd } = await world();
    const first = await startSmtpd({
      reply: usual,
      greeting: '554 not today\r\n',
      host: '127.0.0.77',
      port: smtpd.port,
    });
    opened.push(first);
    for (let round = 0; round < 4; round++) {
      expect(await ask(bulk, ...Array<string>(10).fill('a'))).toEqual(Array(10).fill('found'));
    }
    expect([first.connections(), smtpd.connections()]).toEqual([1, 4]);
    await expect(ask(bulk, 'a@down.test')).rejects.toThrow('554 not today');
    expect(first.connections()).toBe(2); // there is no other one
  });

  it('lets the failure of one domain be none of another', async () => {
    const { bulk } = await world();
    expect(await ask(bulk, 'a@down.test', 'a', 'x@gone.test', 'c')).toEqual(['failure', 'found', 'failure', 'absent']);
    await expect(ask(bulk, 'a@down.test')).rejects.toThrow('MX of down.test: tcp:127.0.0.77');
    await expect(ask(bulk, 'a@gone.test')).rejects.toThrow('cannot be looked up (ENOTFOUND)');
  });

  it('looks for no MX of a domain that it does not have', async () => {
    const { bulk, asked } = await world();
    await expect(ask(bulk, 'a@smmap.invalid')).rejects.toThrow('MX of down.test');
    expect(asked).toEqual(['down.test']);
  });
});

describe('the hosts that take the mail of a domain', () => {
  const records =
    (...texts: readonly string[]) =>
    async () => {
      await Promise.resolve();
      return texts.map((text) => ({ priority: Number(text.split(' ')[0]), exchange: text.split(' ')[1] ?? '' }));
    };
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error('x'), { code }));
  it.each([
    ['by their preference', ['20 mx2.test', '10 MX1.test.', '30 mx3.test'], ['mx1.test', 'mx2.test', 'mx3.test']],
    ['before this machine only', ['20 me.test', '10 mx1.test', '20 mx2.test', '30 mx3.test'], ['mx1.test']],
  ])('are taken %s', async (_, texts, hosts) => {
    expect(await mailHostsOf('a.test', ['', 'me.test'], records(...texts))).toEqual(hosts);
  });

  it('are the domain itself if it has no MX record', async () => {
    expect(await mailHostsOf('a.test', ['me.test'], failing('ENODATA'))).toEqual(['a.test']);
  });

  it.each([
    ['the domain takes no mail', records('0 '), 'takes no mail'],
    ['this machine is the most preferred one', records('10 me.test', '20 mx2.test'), 'preferred to this machine'],
    ['the domain does not exist', failing('ENOTFOUND'), 'cannot be looked up (ENOTFOUND)'],
    ['DNS does not answer', failing('ETIMEOUT'), 'cannot be looked up (ETIMEOUT)'],
  ])('are not known if %s', async (_, resolve, why) => {
    await expect(mailHostsOf('a.test', ['me.test'], resolve)).rejects.toThrow(why);
  });
});

describe('a pause', () => {
  it('is twice as long each time, and short again after an answer', () => {
    let now = 0;
    const pause = createPause({ firstMs: 60, longestMs: 200 }, () => now);
    const lengths = Array.from({ length: 4 }, () => {
      pause.begin();
      pause.begin();
      const length = pause.lengthMs();
      now += length - 1;
      expect(pause.lengthMs()).toBe(length);
      now += 1;
      expect(pause.lengthMs()).toBe(0);
      return length;
    });
    expect(lengths).toEqual([60, 120, 200, 200]);
    pause.end();
    pause.begin();
    expect(pause.lengthMs()).toBe(60);
  });
});

describe('what is known of a domain', () => {
  it('is tried again after an hour', () => {
    let now = 0;
    const trials = createTrials(() => now);
    expect(trials.acceptsAll('a.test')).toBeNull();
    trials.learn('a.test', true);
    now = 3_600_000;
    expect(trials.acceptsAll('a.test')).toBe(true);
    now++;
    expect(trials.acceptsAll('a.test')).toBeNull();
  });
});
