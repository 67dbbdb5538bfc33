import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type SocketmapOptions, createSocketmap } from '../../src/store/driver/socketmap/driver.ts';
import { type Bulk, QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, MailboxQuestion, Question } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const opened: { close(): unknown }[] = [];
afterEach(() => opened.splice(0).forEach((each) => each.close()));

const OPTIONS: SocketmapOptions = {
  maps: { mailbox: 'cyrus', folder: 'cyrus', alias: 'aliases', domain: 'domains', key: ':table' },
  disabled: [],
  canaries: new Map(),
  timeoutMs: 10_000, // of a busy machine
};

/** A server that answers each chunk with bytes, and what it was sent. */
async function serve(answer: (frame: string, socket: Socket, nth: number) => string | null) {
  const sent: string[] = [];
  const sockets: Socket[] = [];
  const path = join(folder(), 's');
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        sent.push(chunk.toString());
        const bytes = answer(chunk.toString(), socket, sent.length);
        if (bytes !== null) socket.write(bytes);
      });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  opened.push({ close: () => (server.close(), sockets.forEach((socket) => socket.destroy())) });
  const open = (more: Partial<SocketmapOptions> = {}): Bulk => {
    const bulk = createSocketmap({ kind: 'unix', path }, { ...OPTIONS, ...more });
    opened.push(bulk);
    return bulk;
  };
  return { sent, sockets, open };
}

const netstring = (payload: string): string => `${Buffer.byteLength(payload)}:${payload},`;
const mailbox = (local: string, more: Partial<MailboxQuestion> = {}): MailboxQuestion => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false, ...more };
};
const fred = mailbox('fred');

/** The answer, or the name and message of the failure. */
async function outcomeOf(bulk: Bulk, question: Question): Promise<Answer | string> {
  const [outcome] = await bulk.lookupAll([question]).catch((error: StoreError) => [error]);
  return outcome instanceof Error ? `${outcome.name}: ${outcome.message}` : (outcome as Answer);
}

describe('a reply of a socket map server', () => {
  const active = (value = ''): Answer => ({ value, state: 'active' });
  it.each<[string, Answer | RegExp]>([
    ['OK fred@example.org', active()],
    ['OK ', active()],
    ['OK 8:8:/home', active('8:8:/home')],
    ['NOTFOUND ', null],
    ['NOTFOUND', null],
    ['NOTFOUND Mailbox does not exist', null],
    ['TEMP Over quota', { value: '', state: 'overquota' }],
    ['PERM Over quota', { value: '', state: 'overquota' }],
    ['TEMP mailbox is over quota', { value: '', state: 'overquota' }],
    ['PERM mailbox is gone', { value: '', state: 'disabled' }],
    ['TEMP mailbox is gone', /^QuestionError: the server says TEMP: mailbox is gone$/],
    ['TEMP lookup failed', /^QuestionError: the server says TEMP: lookup failed$/],
    ['TIMEOUT Over quota', /^QuestionError/],
    ['PERM Permission denied', /^QuestionError: the server says PERM: Permission denied$/],
    ['PERM System I/O error', /^QuestionError/],
    ['PERM Mailbox has an invalid format', /^QuestionError: unix:.*: the server says PERM: Mailbox has an/],
    ['PERM Bad protocol (missing key)', /^StoreError: unix:.*: the server says PERM: Bad protocol/],
    ['OK', /^StoreError: unix:.*: the reply of the server is none of/],
    ['', /^StoreError/],
    ['notfound ', /^StoreError/],
    ['NOTFOUND\n', /^StoreError/],
    ['NOTFOUNDX', /^StoreError/],
  ])('%j is %j', async (reply, expected) => {
    const { open } = await serve(() => netstring(reply));
    const outcome = await outcomeOf(open({ disabled: ['mailbox is gone'] }), fred);
    if (expected instanceof RegExp) expect(outcome).toMatch(expected);
    else expect(outcome).toEqual(expected);
  });

  it.each([
    ['relay', 'relay'],
    ['ALIAS', 'alias'],
    ['1', 'mailbox'],
    ['example.org', 'mailbox'],
    ['', 'mailbox'],
  ])('OK %s to a domain is the class %s', async (said, value) => {
    const { open } = await serve(() => netstring(`OK ${said}`));
    expect(await outcomeOf(open(), { about: 'domain', domain: 'example.org' })).toEqual(active(value));
  });

  it('OK to an alias that leads to itself keeps its value, and over quota says nothing about an alias', async () => {
    const alias = { about: 'alias', local: 'fred', domain: 'example.org', exact: false } as const;
    const { open } = await serve((_, __, nth) => netstring(nth === 1 ? 'OK fred@example.org' : 'TEMP Over quota'));
    expect(await outcomeOf(open(), alias)).toEqual(active('fred@example.org'));
    expect(await outcomeOf(open(), alias)).toMatch(/^QuestionError/);
  });

  it.each([
    ['two at once', '9:NOTFOUND ,9:NOTFOUND ,', /the server sent more than the reply/],
    ['one and a part of another', '9:NOTFOUND ,9', /the server sent more than the reply/],
    ['not a netstring', 'NOTFOUND ', /did not send a netstring/],
    ['without its comma', '9:NOTFOUND x', /did not send a netstring/],
    ['with a leading zero', '09:NOTFOUND ,', /did not send a netstring/],
    ['too long', '100001:', /did not send a netstring/],
    ['a length without end', '99999999999', /did not send a netstring/],
    ['never whole', '9:NOTF', /no reply within 300 ms/],
    ['not UTF-8', Buffer.from('5:OK \xff\xfe,', 'latin1'), /none of OK, NOTFOUND/],
  ] as const)('that is %s is no answer, and ends the connection', async (_, bytes, why) => {
    const { open, sockets } = await serve((__, socket) => {
      socket.write(bytes);
      return null;
    });
    const bulk = open({ timeoutMs: 300 });
    expect(await outcomeOf(bulk, fred)).toMatch(why);
    await expect.poll(() => sockets[0]?.destroyed).toBe(true);
    expect(await outcomeOf(bulk, fred)).toMatch(why);
    expect(sockets).toHaveLength(2);
  });

  it('may come in pieces', async () => {
    const { open } = await serve((_, socket) => {
      void ['9', ':NOT', 'FOUND ', ','].reduce(
        (before, piece) => before.then(() => new Promise((done) => setTimeout(() => socket.write(piece, done), 5))),
        Promise.resolve<unknown>(null),
      );
      return null;
    });
    expect(await outcomeOf(open(), fred)).toBeNull();
  });

  it('may come in pieces, with pieces of another one between them', async () => {
    const both: Socket[] = [];
    const { open } = await serve((_, socket) => {
      both.push(socket);
      const [one, two] = both;
      if (one === undefined || two === undefined) return null;
      ['24:OK active ', '25:OK passive ', 'mailbox of one,', 'mailbox of two,'].forEach((piece, nth) => {
        setTimeout(() => (nth % 2 === 0 ? one : two).write(piece), 10 * nth);
      });
      return null;
    });
    const bulk = open();
    const answers = await Promise.all([outcomeOf(bulk, fred), outcomeOf(bulk, fred)]);
    expect(answers).toEqual([active('active mailbox of one'), active('passive mailbox of two')]);
  });

  it('that nobody asked for ends the connection, so it is never the answer to the next question', async () => {
    const { open, sockets } = await serve((_, socket, nth) => {
      if (nth === 1) setTimeout(() => socket.write(netstring('NOTFOUND ')), 20);
      return netstring('OK ');
    });
    const bulk = open();
    expect(await outcomeOf(bulk, fred)).toEqual(active());
    await expect.poll(() => sockets[0]?.destroyed).toBe(true);
    expect(await outcomeOf(bulk, fred)).toEqual(active());
  });

  it('that comes too late is never the answer to the next question', async () => {
    const { open, sockets } = await serve((_, socket, nth) => {
      if (nth > 1) return netstring('OK ');
      setTimeout(() => socket.writable && socket.write(netstring('NOTFOUND ')), 500);
      return null;
    });
    const bulk = open({ timeoutMs: 300 });
    expect(await outcomeOf(bulk, fred)).toMatch(/no reply within 300 ms/);
    expect(await outcomeOf(bulk, fred)).toEqual(active());
    expect(sockets).toHaveLength(2);
  });
});

describe('a request to a socket map server', () => {
  it.each<[string, Question, string]>([
    ['a mailbox', fred, 'cyrus fred@example.org'],
    ['a mailbox with a blank', mailbox('a b'), 'cyrus a b@example.org'],
    ['a folder', mailbox('fred', { folder: 'abc/Deep' }), 'cyrus fred+abc/Deep@example.org'],
    ['a shared folder', mailbox('', { folder: 'news' }), 'cyrus +news@example.org'],
    ['an alias', { about: 'alias', local: 'info', domain: 'a.org', exact: false }, 'aliases info@a.org'],
    ['a catch-all', { about: 'alias', local: '', domain: 'a.org', exact: false }, 'aliases @a.org'],
    ['a domain', { about: 'domain', domain: 'a.org' }, 'domains a.org'],
    ['a key', { about: 'key', table: 'access', key: 'to:a b', exact: false }, 'access to:a b'],
  ])('asks for %s', async (_, question, payload) => {
    const { open, sent } = await serve(() => netstring('OK x'));
    await open().lookupAll([question]);
    expect(sent).toEqual([netstring(payload)]);
  });

  it('is one write, and waits for the reply to the one before', async () => {
    let waiting = 0;
    const { open, sent, sockets } = await serve((frame, socket) => {
      expect(++waiting).toBe(1);
      setTimeout(() => {
        waiting--;
        socket.write(netstring(frame.includes('nobody') ? 'NOTFOUND ' : 'OK '));
      }, 2);
      return null;
    });
    const questions = Array.from({ length: 20 }, (_, at) => mailbox(at % 2 === 0 ? `fred${at}` : `nobody${at}`));
    const answers = await open().lookupAll(questions);
    expect(answers.map((answer) => answer !== null)).toEqual(questions.map((__, at) => at % 2 === 0));
    expect(sent).toEqual(questions.map(({ local }) => netstring(`cyrus ${local}@example.org`)));
    expect(sockets).toHaveLength(1);
  });

  it.each<[string, Question, null | RegExp]>([
    ['a NUL', mailbox('fred\0x'), null],
    ['a line feed', mailbox('fred\nx'), null],
    ['a carriage return in a folder', mailbox('fred', { folder: 'a\rb' }), null],
    ['a folder without a name', mailbox('fred', { folder: '' }), null],
    ['a line feed in a key', { about: 'key', table: 'a', key: 'b\nc', exact: false }, /^QuestionError: a key with/],
    ['over 1,000 bytes', mailbox('\u4e2d'.repeat(340)), /^QuestionError: a request of over 1000 bytes/],
    ['a quote at its start', mailbox('"fred"'), /^QuestionError: a local part that begins/],
    ['a source route', mailbox('@a.org:fred'), /^QuestionError: a local part that begins/],
    ['a folder of a+b', mailbox('a+b', { folder: 'c' }), /^QuestionError: a folder of a mailbox with a \+/],
  ])('is not sent for %s', async (_, question, expected) => {
    const { open, sent } = await serve(() => netstring('OK '));
    const outcome = await outcomeOf(open(), question);
    if (expected === null) expect(outcome).toBeNull();
    else expect(outcome).toMatch(expected);
    expect(sent).toEqual([]);
  });

  it('is not sent for a question without a map, and the others are answered', async () => {
    const { open } = await serve(() => netstring('NOTFOUND '));
    const answers = await open({ maps: { mailbox: 'm' } }).lookupAll([{ about: 'domain', domain: 'a' }, fred]);
    expect(answers).toEqual([expect.any(QuestionError), null]);
  });
});

describe('a folder that a socket map server does not find', () => {
  const only =
    (...known: string[]) =>
    (frame: string) =>
      netstring(known.some((key) => frame.endsWith(` ${key}@example.org,`)) ? 'OK ' : 'NOTFOUND ');
  it.each<[string, string[], MailboxQuestion, Answer | RegExp]>([
    ['is absent in its own case', ['fred'], mailbox('fred', { folder: 'abc' }), null],
    ['may exist in another case', ['fred'], mailbox('fred', { folder: 'abc', anyCase: true }), /compares the case/],
    ['is absent in any case without its mailbox', [], mailbox('fred', { folder: 'abc', anyCase: true }), null],
    ['may be shared elsewhere', ['fred'], mailbox('', { folder: 'abc' }), /does not find a shared folder/],
    ['may be shared elsewhere, by +abc', [], mailbox('+abc', { exact: true }), /does not find a shared folder/],
    ['by +abc, is not shared if that was case-folded', [], mailbox('+abc'), null],
    ['by + has no name', [], mailbox('+', { exact: true }), null],
  ])('%s', async (_, known, question, expected) => {
    const { open } = await serve(only(...known));
    const outcome = await outcomeOf(open(), question);
    if (expected instanceof RegExp) expect(outcome).toMatch(expected);
    else expect(outcome).toEqual(expected);
  });

  it('is found in any case if the server finds it', async () => {
    const { open } = await serve(only('fred+abc'));
    const question = mailbox('fred', { folder: 'abc', anyCase: true });
    expect(await outcomeOf(open(), question)).toEqual({ value: '', state: 'active' });
  });
});

it('a server may be asked over TCP', async () => {
  const server = createServer((socket) => socket.on('data', () => socket.write(netstring('NOTFOUND '))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(server);
  const { port } = server.address() as AddressInfo;
  const bulk = createSocketmap({ kind: 'tcp', host: '127.0.0.1', port }, OPTIONS);
  opened.push(bulk);
  expect(await outcomeOf(bulk, fred)).toBeNull();
  const nobody = createSocketmap({ kind: 'tcp', host: '127.0.0.1', port: 1 }, OPTIONS);
  expect(await outcomeOf(nobody, fred)).toMatch(/^StoreError: tcp:127.0.0.1:1: connect ECONNREFUSED/);
});

describe('a server that ends a connection', () => {
  it('that was kept is asked once more on a new one', async () => {
    const { open, sent } = await serve((_, socket, nth) => {
      if (nth !== 2) return netstring('OK ');
      socket.destroy();
      return null;
    });
    const bulk = open();
    expect(await outcomeOf(bulk, fred)).not.toBeNull();
    expect(await outcomeOf(bulk, fred)).not.toBeNull();
    expect(sent).toHaveLength(3);
  });

  it('that is new, or in the middle of a reply, is not', async () => {
    const { open, sent } = await serve((_, socket, nth) => {
      if (nth === 2) return netstring('OK ');
      socket.end(nth === 1 ? '' : '9:NOT');
      return null;
    });
    const bulk = open();
    expect(await outcomeOf(bulk, fred)).toMatch(/the server ended the connection without a reply/);
    expect(await outcomeOf(bulk, fred)).not.toBeNull();
    expect(await outcomeOf(bulk, fred)).toMatch(/the server ended the connection without a reply/);
    expect(sent).toHaveLength(3);
  });
});
