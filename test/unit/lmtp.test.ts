import { afterEach, describe, expect, it } from 'vitest';
import { createLmtp } from '../../src/store/driver/lmtp/driver.ts';
import { type LmtpConfig, lmtp } from '../../src/store/driver/lmtp/keys.ts';
import { type Bulk, QuestionError, StoreError } from '../../src/store/store.ts';
import type { MailboxQuestion } from '../../src/vocabulary.ts';
import { END, type Smtpd, startSmtpd, usual } from '../support/smtpd.ts';

const opened: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.stop();
});

const mailbox = (local: string): MailboxQuestion => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
};
const FOUND = { value: '', state: 'active' };
const NOBODY = 'RCPT TO:<nobody@example.org>';

/** A server that replies as usual, but for some lines. */
async function setUp(
  reply: (line: string, connection: number) => string | null | undefined,
  timeoutMs = 10_000, // of a busy machine
): Promise<Smtpd & { bulk: Bulk }> {
  const smtpd = await startSmtpd({
    reply(line, connection) {
      const said = reply(line, connection);
      return said === undefined ? usual(line) : said;
    },
  });
  const bulk = createLmtp({
    endpoint: { kind: 'tcp', host: '127.0.0.1', port: smtpd.port },
    tls: null,
    login: null,
    canaries: new Map(),
    nobody: mailbox('nobody'),
    timeoutMs,
  });
  opened.push({ stop: () => bulk.close() }, smtpd);
  return { ...smtpd, bulk };
}

/** What is said of each: found, absent, doubt (of that question), or failure. */
async function ask(bulk: Bulk, ...locals: readonly string[]): Promise<readonly string[]> {
  const answers = await bulk.lookupAll(locals.map(mailbox));
  return answers.map((answer) => {
    if (answer === null) return 'absent';
    if (answer instanceof QuestionError) return 'doubt';
    return answer instanceof StoreError ? 'failure' : answer.state === FOUND.state ? 'found' : answer.state;
  });
}

it('tells how to get to a socket that the daemon may not use', () => {
  const config = { server: [{ kind: 'unix', path: '/run/x/lmtp' }] } as unknown as LmtpConfig;
  expect(lmtp.advice?.(config, { message: '', code: 'EACCES' })?.commands[0]).toBe('namei -l /run/x/lmtp');
  expect(lmtp.advice?.(config, { message: '', code: 'ENOENT' })).toBeNull();
});

describe('a store that asks an LMTP server', () => {
  it('asks first for nobody, once in a session, and ends each transaction at once', async () => {
    const { bulk, lines } = await setUp(() => undefined);
    expect(await ask(bulk, 'a', 'c', 'b')).toEqual(['found', 'absent', 'found']);
    expect(await ask(bulk, 'c')).toEqual(['absent']);
    const transaction = (local: string) => ['MAIL FROM:<>', `RCPT TO:<${local}@example.org>`, 'RSET'];
    expect(lines).toEqual(['LHLO localhost', ...['nobody', 'a', 'c', 'b', 'c'].flatMap(transaction)]);
  });

  it('asks nothing else of a server that accepts nobody, in each new session', async () => {
    const { bulk, lines, connections } = await setUp((line) => (line === NOBODY ? '250 2.1.5 Ok\r\n' : undefined));
    for (let round = 0; round < 3; round++) await expect(ask(bulk, 'a', 'c')).rejects.toThrow('which nobody has');
    expect(connections()).toBe(3);
    expect(lines.filter((line) => line.startsWith('RCPT'))).toEqual([NOBODY, NOBODY, NOBODY]);
  });

  it.each([
    ['is over quota', '452 4.2.2 Over quota\r\n'],
    ['has no clear answer', '550 5.7.1 no\r\n'],
    ['is deferred', '451 4.3.0 later\r\n'],
  ])('asks nothing else if nobody %s', async (_, said) => {
    const { bulk, lines } = await setUp((line) => (line === NOBODY ? said : undefined));
    const cause: unknown = await bulk.lookupAll([mailbox('a')]).catch((error: unknown) => error);
    expect(cause).toBeInstanceOf(StoreError);
    expect(cause).not.toBeInstanceOf(QuestionError); // or the breaker would take it for an answer
    expect(lines.filter((line) => line.startsWith('RCPT'))).toEqual([NOBODY]);
  });

  it('does not believe an absence after the server was in trouble: it asks again in a new session', async () => {
    const { bulk, connections } = await setUp((line, connection) => {
      if (line.startsWith('RCPT TO:<t@')) return '451 4.3.0 later\r\n';
      return line.startsWith('RCPT TO:<d@') ? (connection === 1 ? undefined : '250 2.1.5 Ok\r\n') : undefined;
    });
    expect(await ask(bulk, 'c', 't', 'd', 'a')).toEqual(['absent', 'doubt', 'found', 'found']);
    expect(connections()).toBe(2);
  });

  it('is in doubt if the server is in trouble in that one, too', async () => {
    const { bulk } = await setUp((line) => (/RCPT TO:<[td]/.test(line) ? '451 4.3.0 later\r\n' : undefined));
    expect(await ask(bulk, 't', 'c')).toEqual(['doubt', 'absent']);
    expect(await ask(bulk, 't', 'd', 'c')).toEqual(['doubt', 'doubt', 'absent']);
    const both = await setUp((line, connection) => {
      if (line.startsWith('RCPT TO:<t@')) return '451 4.3.0 later\r\n';
      return connection > 1 && line.startsWith('RCPT TO:<c@') ? '503 5.5.1 odd\r\n' : undefined;
    });
    expect(await ask(both.bulk, 't', 'c', 'd')).toEqual(['doubt', 'doubt', 'doubt']);
  });

  it.each([
    ['MAIL', '430 4.7.0 Authentication required\r\n'],
    ['RSET', '554 5.5.1 too many\r\n'],
  ])('believes nothing that stands beside a refused %s', async (verb, said) => {
    let nth = 0;
    const { bulk } = await setUp((line) => (line.startsWith(verb) && ++nth > 1 ? said : undefined));
    await expect(bulk.lookupAll([mailbox('c'), mailbox('a')])).rejects.toThrow(`${verb} was answered ${said.trim()}`);
  });

  it('sends one command after the other if the server does not offer PIPELINING', async () => {
    let waiting = 0;
    const { bulk } = await setUp((line) => {
      if (line.startsWith('LHLO')) return '250 here\r\n';
      return waiting++ > 100 ? END : undefined;
    });
    expect(await ask(bulk, 'a', 'c')).toEqual(['found', 'absent']);
  });

  it('does not ask for what no address is like, and for UTF-8 only if that is offered', async () => {
    const plain = await setUp(() => undefined);
    expect(await ask(plain.bulk, 'a\nb', '', 'jos\u00e9', 'x'.repeat(300), 'a')).toEqual([
      'absent',
      'absent',
      'doubt',
      'doubt',
      'found',
    ]);
    const utf8 = await setUp((line) => {
      if (line.startsWith('LHLO')) return '250-here\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n';
      return line.includes('jos\u00e9') ? '250 2.1.5 Ok\r\n' : undefined;
    });
    expect(await ask(utf8.bulk, 'jos\u00e9', 'c')).toEqual(['found', 'absent']);
    expect(utf8.lines.filter((line) => line.startsWith('MAIL'))).toEqual([
      'MAIL FROM:<>',
      'MAIL FROM:<> SMTPUTF8',
      'MAIL FROM:<>',
    ]);
  });

  it('asks once more, in a new session, if a kept one was ended meanwhile', async () => {
    const { bulk, cut, send, connections } = await setUp(() => undefined);
    expect(await ask(bulk, 'a')).toEqual(['found']);
    cut();
    expect(await ask(bulk, 'a', 'c')).toEqual(['found', 'absent']);
    send('421 4.4.2 idle\r\n');
    expect(await ask(bulk, 'a', 'c')).toEqual(['found', 'absent']);
    expect(connections()).toBe(3);
  });

  it('drops a session that sends too much, and takes no reply for another', async () => {
    const { bulk } = await setUp((line, connection) => {
      return connection === 1 && line.startsWith('RCPT TO:<a@') ? '250 2.1.5 Ok\r\n550 5.1.1 no\r\n' : undefined;
    });
    const first = await ask(bulk, 'a', 'b').catch((cause: Error) => cause.message);
    expect(first).toMatch(/was answered 550|without a command/);
    expect(await ask(bulk, 'a', 'b', 'c')).toEqual(['found', 'found', 'absent']);
  });

  it('fails after a timeout, and asks the next question in a new session', async () => {
    const { bulk, connections } = await setUp((line) => (line.startsWith('RCPT TO:<t@') ? null : undefined), 500);
    await expect(ask(bulk, 't')).rejects.toThrow('no reply within 500 ms');
    expect(await ask(bulk, 'c')).toEqual(['absent']);
    expect(connections()).toBe(2);
  });

  it('says nothing more after close', async () => {
    const { bulk } = await setUp((line) => (line.startsWith('RCPT TO:<t@') ? null : undefined));
    const asked = ask(bulk, 't');
    await ask(bulk, 'a');
    await bulk.close();
    await expect(asked).rejects.toThrow('closed');
    await expect(ask(bulk, 'a')).rejects.toThrow('closed');
  });
});
