import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { pathOf } from '../../src/store/driver/callout/recipient.ts';
import { type Reply, createReplyReader, wordsOfReply } from '../../src/store/driver/callout/reply.ts';
import { openSession, type OpenSession, type SessionOptions } from '../../src/store/driver/callout/session.ts';
import { isTrouble, verdictOf } from '../../src/store/driver/callout/verdict.ts';
import { EndedError } from '../../src/store/sessions.ts';
import { QuestionError, StoreError, UnstorableError } from '../../src/store/store.ts';
import { makeCertificates } from '../support/certificates.ts';
import { temporaryFolders } from '../support/folder.ts';
import { END, type Script, type Smtpd, startSmtpd, usual } from '../support/smtpd.ts';

const read = (text: string): readonly Reply[] => createReplyReader().take(Buffer.from(text));
const replyOf = (text: string): Reply => read(`${text}\r\n`)[0] as Reply;
const folder = temporaryFolders();

describe('a reader of replies', () => {
  it.each<[string, string, Reply]>([
    ['with a text', '250 Ok\r\n', { code: 250, status: null, texts: ['Ok'] }],
    ['without a text', '250\r\n', { code: 250, status: null, texts: [''] }],
    ['with an enhanced code', '550 5.1.1 who?\r\n', { code: 550, status: '5.1.1', texts: ['who?'] }],
    ['with an enhanced code alone', '250 2.1.5\r\n', { code: 250, status: '2.1.5', texts: [''] }],
    [
      'of several lines, of which the last one has an enhanced code, as of Cyrus',
      '550-Mailbox unknown.\r\n550-or no right\r\n550 5.1.1 User unknown\r\n',
      { code: 550, status: '5.1.1', texts: ['Mailbox unknown.', 'or no right', 'User unknown'] },
    ],
    [
      'of lines with different enhanced codes',
      '550-5.7.1 closed\r\n550 5.1.1 unknown\r\n',
      { code: 550, status: 'mixed', texts: ['closed', 'unknown'] },
    ],
    ['whose text only begins like a code', '250 2.1.5x\r\n', { code: 250, status: null, texts: ['2.1.5x'] }],
  ])('reads one %s', (_, text, reply) => {
    expect(read(text)).toEqual([reply]);
  });

  it('reads the same, however the bytes are cut', () => {
    const text = '250-one\r\n250 2.0.0 two\r\n550-a\r\n550 5.1.1 <j\u00f6@x> b\r\n220\r\n';
    const whole = read(text);
    const bytes = Buffer.from(text);
    for (let at = 1; at < bytes.length; at++) {
      const reader = createReplyReader();
      const first = Buffer.from(bytes.subarray(0, at));
      const replies = [...reader.take(first)];
      first.fill('x'); // the next read of another socket
      expect([...replies, ...reader.take(bytes.subarray(at))]).toEqual(whole);
      expect(reader.pending()).toBe(false);
    }
    const reader = createReplyReader();
    expect([...bytes].flatMap((byte) => reader.take(Buffer.of(byte)))).toEqual(whole);
  });

  it.each([
    ['no code', 'hello\r\n'],
    ['a code of two digits', '25 Ok\r\n'],
    ['a code of four digits', '2500 Ok\r\n'],
    ['a code that no server sends', '150 Ok\r\n'],
    ['a code that no server sends', '650 Ok\r\n'],
    ['a line feed alone', '250 Ok\n'],
    ['an empty line', '\r\n'],
    ['a line feed at once', '\n'],
    ['another separator', '250_Ok\r\n'],
    ['another code in its second line', '250-a\r\n550 5.1.1 b\r\n'],
    ['a line without an end', `250 ${'x'.repeat(5_000)}`],
    ['a line that is too long', `250 ${'x'.repeat(5_000)}\r\n`],
    ['too many lines', '250-x\r\n'.repeat(101)],
  ])('refuses %s: %j', (_, text) => {
    expect(() => read(text)).toThrow();
  });

  it('never reads a reply out of other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let replies: readonly Reply[] = [];
        try {
          replies = createReplyReader().take(Buffer.from(bytes));
        } catch {
          return;
        }
        for (const { code } of replies) expect(code >= 200 && code < 600).toBe(true);
      }),
    );
  });
});

describe('the verdict of a reply to RCPT TO', () => {
  const unknown = ['Unrouteable address', 'Invalid recipient: <>'];
  const PATH = 'a@b.test';
  const verdict = (text: string) => {
    const answer = verdictOf(replyOf(text), PATH, unknown);
    return answer instanceof Error ? 'doubt' : answer === null ? 'absent' : answer.state;
  };
  it.each([
    ['250 2.1.5 Ok', 'active'],
    ['250 Accepted', 'active'],
    ['251 2.1.5 will forward', 'active'],
    ['250 2.1.5 <a@b.test>... Recipient ok (will queue)', 'doubt'],
    ['250 5.1.1 odd', 'doubt'],
    ['252 2.5.2 cannot verify', 'doubt'],
    ['354 go on', 'doubt'],
    ['550 5.1.1 User unknown', 'absent'],
    ['550-Mailbox unknown\r\n550 5.1.1 User unknown', 'absent'],
    ['550-5.7.1 closed\r\n550 5.1.1 User unknown', 'doubt'],
    ['550-5.1.1 would mean that you are unknown\r\n550 closed', 'doubt'],
    ['550-5.1.1 a\r\n550-b\r\n550 5.1.1 c', 'absent'],
    ['550 closed, not 5.1.1 unknown', 'doubt'],
    ['550 <5.1.1@b.test> closed', 'doubt'],
    ['550 5.1.1unknown', 'doubt'],
    ['550 Unrouteable address', 'absent'],
    ['550-Unrouteable address\r\n550 Unrouteable address', 'doubt'],
    ['550 Invalid recipient: <a@b.test>', 'absent'],
    ['550 Invalid recipient: <c@b.test>', 'doubt'],
    ['550 Rejected for too many bad recipients', 'doubt'],
    ['550 relay not permitted', 'doubt'],
    ['550 5.0.0 Unrouteable address', 'doubt'],
    ['550 5.1.0 x', 'doubt'],
    ['550 5.1.10 x', 'doubt'],
    ['550 5.7.1 Permission denied', 'doubt'],
    ['551 5.1.1 moved', 'doubt'],
    ['553 5.1.1 x', 'doubt'],
    ['450 5.1.1 x', 'doubt'],
    ['450 4.1.1 unverified address', 'doubt'],
    ['451 4.3.0 Temporary lookup failure', 'doubt'],
    ['501 5.1.3 x', 'doubt'],
    ['503 5.5.1 Need MAIL command', 'doubt'],
    ['554 5.7.1 Access denied', 'doubt'],
    ['552 5.2.2 Over quota', 'overquota'],
    ['452 4.2.2 Over quota SESSIONID=<x>', 'overquota'],
    ['452 4.5.3 too many recipients', 'doubt'],
    ['552 5.3.4 too big', 'doubt'],
  ])('%s: %s', (text, expected) => {
    expect(verdict(text)).toBe(expected);
  });

  it('knows no bare 550 without a list of texts', () => {
    expect(verdictOf(replyOf('550 Unrouteable address'), PATH)).toBeInstanceOf(QuestionError);
    for (const path of ['a$$b@b.test', 'a$&b@b.test', "a$'b@b.test", 'a$`b@b.test'])
      expect(verdictOf(replyOf(`550 Invalid recipient: <${path}>`), path, unknown)).toBeNull();
  });

  it.each([
    ['451 4.3.0 x', true],
    ['450 4.2.0 greylisted', true],
    ['503 5.5.1 x', true],
    ['250 2.1.5 x (will queue)', true],
    ['452 4.2.2 full', false],
    ['552 5.2.2 full', false],
    ['550 5.1.1 x', false],
    ['501 5.5.4 x', false],
    ['554 5.7.1 x', false],
    ['250 2.1.5 x', false],
  ])('%s shows that the server is in trouble: %s', (text, expected) => {
    expect(isTrouble(replyOf(text))).toBe(expected);
  });
});

describe('a recipient', () => {
  const path = (local: string, domain = 'example.org', utf8 = false) => pathOf({ local, domain }, utf8);
  it.each([
    ['fred', 'fred@example.org'],
    ['a.b+c', 'a.b+c@example.org'],
    ['a b', '"a b"@example.org'],
    ['a"b\\c', '"a\\"b\\\\c"@example.org'],
    ['.fred', '".fred"@example.org'],
    ['a@b', '"a@b"@example.org'],
    ['<a>', '"<a>"@example.org'],
  ])('with the local part %j is %s', (local, expected) => {
    expect(path(local)).toBe(expected);
  });

  it.each(['', 'a\rb', 'a\nRCPT TO:<b@c>', 'a\0', 'a\x7f', 'a\tb'])(
    'does not exist with the local part %j',
    (local) => {
      expect(path(local)).toBeNull();
    },
  );

  it('is asked for in UTF-8 only if the server offers that', () => {
    expect(path('jos\u00e9', 'example.org', true)).toBe('jos\u00e9@example.org');
    expect(() => path('jos\u00e9')).toThrow(UnstorableError);
    expect(() => path('fred', 'b\u00fccher.example')).toThrow(UnstorableError);
  });

  it('is a doubt if it is too long for a command', () => {
    expect(path('x'.repeat(242))).toHaveLength(254);
    expect(() => path('x'.repeat(243))).toThrow(QuestionError);
  });
});

describe('a session', () => {
  const opened: { stop(): unknown }[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.stop();
  });
  const serve = async (script: Script): Promise<Smtpd> => {
    const smtpd = await startSmtpd(script);
    opened.push(smtpd);
    return smtpd;
  };
  const open = async (smtpd: Smtpd, more: Partial<SessionOptions> = {}): Promise<OpenSession> => {
    const session = await openSession({
      endpoint: { kind: 'tcp', host: '127.0.0.1', port: smtpd.port },
      verb: 'EHLO',
      helo: 'me.test',
      tls: null,
      login: null,
      openMs: 1_000,
      ...more,
    });
    opened.push({ stop: () => session.dialogue.close() });
    return session;
  };
  const failureOf = async (promise: Promise<unknown>): Promise<StoreError> => {
    const cause: unknown = await promise.then(
      () => null,
      (error: unknown) => error,
    );
    expect(cause).toBeInstanceOf(StoreError);
    return cause as StoreError;
  };
  const script = (replies: Readonly<Record<string, string | null>>): Script => ({
    reply(line) {
      const key = Object.keys(replies).find((start) => line.startsWith(start));
      return key === undefined ? usual(line) : (replies[key] as string | null);
    },
  });

  it('waits for the greeting, and says its name', async () => {
    const smtpd = await serve({ ...script({}), greeting: null });
    const opening = open(smtpd);
    await sleep(50);
    expect(smtpd.lines).toEqual([]);
    smtpd.send('220-we\r\n220 here\r\n');
    expect(await opening).toMatchObject({ pipelining: true, utf8: false });
    expect(smtpd.lines).toEqual(['EHLO me.test']);
  });

  it('says its address if it has no name', async () => {
    const smtpd = await serve(script({}));
    await open(smtpd, { helo: null });
    expect(smtpd.lines).toEqual(['EHLO [127.0.0.1]']);
  });

  it('reads replies that come byte by byte', async () => {
    const smtpd = await serve({ ...script({}), bytewise: true });
    const { dialogue } = await open(smtpd);
    const replies = await dialogue.say(['MAIL FROM:<>', 'RCPT TO:<a@b>', 'RSET'], 1_000);
    expect(replies.map(wordsOfReply)).toEqual(['250 2.0.0 Ok', '250 2.1.5 Ok', '250 2.0.0 Ok']);
  });

  it.each<[string, Script, RegExp]>([
    ['a greeting of 421', { ...script({}), greeting: `421 4.7.0 busy\r\n${END}` }, /421 4\.7\.0 busy/],
    ['a greeting of 554', { ...script({}), greeting: '554 go away\r\n' }, /greeting was answered 554 go away/],
    ['no greeting', { ...script({}), greeting: null }, /no reply within|no connection within/],
    ['a greeting of another protocol', { ...script({}), greeting: '* OK IMAP\r\n' }, /does not speak SMTP/],
    ['two greetings', { ...script({}), greeting: '220 a\r\n220 b\r\n' }, /without a command|EHLO was answered 220/],
    ['a refused EHLO', script({ EHLO: '502 5.5.1 what?\r\n' }), /EHLO was answered 502/],
    ['an end after the greeting', script({ EHLO: END }), /ended the connection/],
    ['silence at EHLO', script({ EHLO: null }), /no reply within|no connection within/],
  ])('fails with %s', async (_, what, why) => {
    const smtpd = await serve(what);
    expect((await failureOf(open(smtpd))).message).toMatch(why);
  });

  it('gives up a host that drops what is sent to it', async () => {
    const listen =
      "require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port) })";
    const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    opened.push({ stop: () => child.kill('SIGKILL') });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGSTOP');
    const endpoint = { kind: 'tcp', host: '127.0.0.1', port: Number(String(line)) } as const;
    for (let nth = 0; nth < 4; nth++) {
      const socket = connect(endpoint).on('error', () => {});
      opened.push({ stop: () => socket.destroy() });
    }
    await sleep(100); // its queue is full
    const begun = performance.now();
    const asked = openSession({ endpoint, verb: 'EHLO', helo: 'x', tls: null, login: null, openMs: 13_000 });
    expect((await failureOf(asked)).message).toBe('no connection within 3000 ms');
    expect(performance.now() - begun).toBeLessThan(4_000);
  });

  it('tells that the server is busy only by 421', async () => {
    let busy = 0;
    const count = { busy: () => void busy++ };
    await failureOf(open(await serve({ ...script({}), greeting: `421 4.7.0 busy\r\n${END}` }), count));
    expect(busy).toBe(1);
    await failureOf(open(await serve({ ...script({}), greeting: '554 go away\r\n' }), count));
    const smtpd = await serve(script({}));
    const { dialogue } = await open(smtpd, count);
    smtpd.send('421 4.4.2 idle\r\n');
    await sleep(50);
    expect(dialogue.ended()).toBe(true);
    expect(busy).toBe(1);
  });

  it.each<[string, string, boolean]>([
    ['an end before a reply', END, true],
    ['421 as the first reply', `421 4.4.2 idle\r\n${END}`, true],
    ['an end between two replies', `250 2.0.0 Ok\r\n${END}`, false],
    ['an end in the middle of a reply', `250-2.0.0 O${END}`, true],
    ['what is no reply', 'nonsense\r\n', false],
  ])('that ends by %s may be tried again in a new one: %j: %s', async (_, said, isEnded) => {
    const { dialogue } = await open(await serve(script({ NOOP: said })));
    const cause = await failureOf(dialogue.say(['NOOP', 'NOOP'], 1_000));
    expect(cause instanceof EndedError).toBe(isEnded);
    expect(dialogue.ended()).toBe(true);
    await failureOf(dialogue.say(['NOOP'], 1_000));
  });

  it('is lost after a timeout, so a late reply is never taken for another one', async () => {
    const smtpd = await serve(script({ RCPT: null }));
    const { dialogue } = await open(smtpd);
    expect((await failureOf(dialogue.say(['RCPT TO:<a@b>'], 50))).message).toBe('no reply within 50 ms');
    smtpd.send('250 2.1.5 Ok\r\n');
    await failureOf(dialogue.say(['NOOP'], 1_000));
    expect(smtpd.lines).not.toContain('NOOP');
  });

  it.each([
    ['a reply', '250 2.1.5 Ok\r\n'],
    ['the beginning of a line, which the next reply would complete', '55'],
    ['the first line of a reply', '550-5.1.1 User unknown\r\n'],
  ])('is lost by %s that it did not ask for', async (_, bytes) => {
    const smtpd = await serve(script({}));
    const { dialogue } = await open(smtpd);
    smtpd.send(bytes);
    await sleep(50);
    expect((await failureOf(dialogue.say(['NOOP'], 1_000))).message).toContain('without a command');
  });

  it('fails what is awaited when it is closed, and says QUIT if nothing is', async () => {
    const smtpd = await serve(script({ NOOP: null }));
    const one = await open(smtpd);
    const awaited = failureOf(one.dialogue.say(['NOOP'], 1_000));
    one.dialogue.close();
    expect((await awaited).message).toContain('closed');
    const other = await open(smtpd);
    other.dialogue.close();
    await sleep(50);
    expect(smtpd.lines.at(-1)).toBe('QUIT');
    expect(smtpd.open()).toBe(0);
  });

  describe('with TLS', () => {
    const offer = '250-here\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n';
    const trust = (ca: string | null, serverName: string | null = null) => {
      return { ca, cert: null, key: null, serverName, verify: true };
    };
    const certified = async () => {
      const at = folder();
      const { ca } = await makeCertificates(at);
      const context = createSecureContext({
        cert: readFileSync(`${at}/server.pem`),
        key: readFileSync(`${at}/server.key`),
      });
      return { ca, context };
    };

    it('says EHLO again, and believes only that', async () => {
      const { ca, context } = await certified();
      const smtpd = await serve({ ...script({ EHLO: offer, STARTTLS: '220 go\r\n' }), tls: context });
      const session = await open(smtpd, { tls: trust(ca) });
      expect(session).toMatchObject({ utf8: true, pipelining: false });
      expect(smtpd.lines).toEqual(['EHLO me.test', 'STARTTLS', 'EHLO me.test']);
    });

    it.each<[string, boolean, string | null, Record<string, string>, RegExp]>([
      ['an authority that is not trusted', false, null, {}, /self.signed|verify/],
      ['a certificate for another name', true, 'other.test', {}, /other\.test/],
      ['a server without STARTTLS', true, null, { EHLO: '250 here\r\n' }, /does not offer STARTTLS/],
      ['a refused STARTTLS', true, null, { STARTTLS: '454 4.7.0 no\r\n' }, /STARTTLS was answered 454/],
      ['text in clear behind the reply', true, null, { STARTTLS: '220 go\r\n250 x\r\n' }, /without a command/],
      ['half a reply in clear behind the reply', true, null, { STARTTLS: '220 go\r\n25' }, /without a command/],
    ])('fails with %s', async (_, isTrusted, name, replies, why) => {
      const { ca, context } = await certified();
      const smtpd = await serve({ ...script({ EHLO: offer, STARTTLS: '220 go\r\n', ...replies }), tls: context });
      expect((await failureOf(open(smtpd, { tls: trust(isTrusted ? ca : null, name) }))).message).toMatch(why);
    });
  });

  describe('with AUTH', () => {
    const login = { username: 'smmap', password: () => Promise.resolve('s3cret') };
    const plain = Buffer.from('\0smmap\0s3cret').toString('base64');
    it('prefers PLAIN', async () => {
      const smtpd = await serve(script({ LHLO: '250-here\r\n250 AUTH LOGIN PLAIN\r\n', AUTH: '235 2.7.0 Ok\r\n' }));
      await open(smtpd, { verb: 'LHLO', login });
      expect(smtpd.lines).toEqual(['LHLO me.test', `AUTH PLAIN ${plain}`]);
    });

    it('can do LOGIN', async () => {
      const [name, password] = ['smmap', 's3cret'].map((text) => Buffer.from(text).toString('base64')) as [
        string,
        string,
      ];
      const smtpd = await serve(
        script({
          EHLO: '250-here\r\n250 AUTH LOGIN\r\n',
          'AUTH LOGIN': '334 VXNlcm5hbWU6\r\n',
          [name]: '334 UGFzc3dvcmQ6\r\n',
          [password]: '235 2.7.0 Ok\r\n',
        }),
      );
      await open(smtpd, { login });
      expect(smtpd.lines).toEqual(['EHLO me.test', 'AUTH LOGIN', name, password]);
    });

    it.each([
      ['a wrong password', '250-here\r\n250 AUTH PLAIN\r\n', /AUTH was answered 535 5\.7\.8: check username/],
      ['a server without a method', '250-here\r\n250 AUTH CRAM-MD5\r\n', /neither AUTH PLAIN nor AUTH LOGIN/],
    ])('fails with %s, without the password in the text', async (_, offer, why) => {
      const smtpd = await serve(script({ EHLO: offer, AUTH: `535 5.7.8 not ${plain}\r\n` }));
      const cause = await failureOf(open(smtpd, { login }));
      expect(cause.message).toMatch(why);
      expect(cause.message).not.toContain(plain);
    });
  });
});
