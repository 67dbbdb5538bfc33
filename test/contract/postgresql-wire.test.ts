import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createPostgresql } from '../../src/store/driver/postgresql/driver.ts';
import { parseQuery } from '../../src/store/driver/sql/query.ts';
import { type Bulk, QuestionError, StoreError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';
import { PARTS, describePart } from '../real/part.ts';
import { type Postgresql, findPostgresql } from '../support/postgresql.ts';

const TIMEOUT_MS = 1_000;
const ACTIVE = { value: '', state: 'active' };

/** Passes on what the server sent. */
type Pass = (bytes: Buffer, client: Socket) => void;

describePart('the answers of PostgreSQL', findPostgresql(PARTS), (installation) => {
  let server: Postgresql;
  let relay: Server;
  let bulk: Bulk;
  let pass: Pass;
  const whole: Pass = (bytes, client) => void client.write(bytes);

  beforeAll(async () => {
    server = await installation.start();
    await server.sql(`create table users (name text, age int); insert into users values ('fred', 7)`);
    relay = createServer((client) => {
      const behind = connect(`${server.folder}/.s.PGSQL.${server.port}`);
      client.setNoDelay(true).on('error', () => {});
      client.on('data', (bytes) => behind.write(bytes)).on('close', () => behind.destroy());
      behind.on('data', (bytes) => pass(bytes, client)).on('error', () => {});
      behind.on('close', () => client.destroy());
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
  });
  afterAll(async () => {
    relay.close();
    await server.stop();
  });
  beforeEach(async () => {
    pass = whole;
    const query = parseQuery(
      'mailbox',
      'select name as local from users where name = :local and age = 7',
      'postgresql',
    );
    if ('flaw' in query) throw new Error(query.flaw);
    bulk = createPostgresql({
      url: `postgresql://admin@127.0.0.1:${(relay.address() as AddressInfo).port}/postgres`,
      password: null,
      tls: null,
      connections: 1,
      timeoutMs: TIMEOUT_MS,
      queries: { mailbox: query },
    });
    await ask('fred'); // prepares the statement
  });
  afterEach(() => bulk.close());

  const ask = async (local: string): Promise<unknown> => {
    const question: Question = { about: 'mailbox', local, domain: 'x', exact: false, folder: null, anyCase: false };
    return (await bulk.lookupAll([question]))[0];
  };
  const askBoth = async (): Promise<unknown[]> => [await ask('fred'), await ask('nobody')];

  it.each<[string, Pass]>([
    ['in one piece', whole],
    ['byte by byte', (bytes, client) => bytes.forEach((byte) => client.write(Buffer.of(byte)))],
    ['behind a notice', (bytes, client) => void client.write(Buffer.concat([NOTICE, bytes]))],
    ['with a notice before the end', (bytes, client) => void client.write(insert(bytes, bytes.length - 6, NOTICE))],
  ])('are read if they come %s', async (_, how) => {
    pass = how;
    for (let nth = 0; nth < 3; nth++) expect(await askBoth()).toEqual([ACTIVE, null]);
  });

  it('are no absence and no entry if the connection is cut within them, wherever that is', async () => {
    let length = 1;
    for (let cut = 0; cut < length; cut++) {
      expect(await askBoth()).toEqual([ACTIVE, null]);
      pass = (bytes, client) => {
        length = bytes.length;
        if (cut === 0) client.destroy();
        else client.write(bytes.subarray(0, cut), () => client.destroy());
      };
      const answer = await ask('nobody');
      expect(answer, `after ${cut} of ${length} bytes`).toBeInstanceOf(StoreError);
      expect(answer).not.toBeInstanceOf(QuestionError);
      pass = whole;
    }
    expect(length).toBeGreaterThan(30);
  });

  it.each([5, -1])('are late if they stop at byte %i, and are not the answer to the next question', async (at) => {
    pass = (bytes, client) => {
      client.write(bytes.subarray(0, at));
      setTimeout(() => client.writable && client.write(bytes.subarray(at)), 2 * TIMEOUT_MS);
    };
    const begunMs = performance.now();
    expect(await ask('nobody')).toMatchObject({
      message: expect.stringMatching(/no answer within 1000 ms/) as unknown,
    });
    expect(performance.now() - begunMs).toBeGreaterThan(TIMEOUT_MS - 5);
    pass = whole;
    expect(await askBoth()).toEqual([ACTIVE, null]);
  });

  it('are doubted if they cannot be messages', async () => {
    pass = (_, client) => void client.write(Buffer.from('D\0\0\0\x03'));
    expect(await ask('nobody')).toMatchObject({ message: expect.stringMatching(/without a length/) as unknown });
    pass = whole;
    expect(await askBoth()).toEqual([ACTIVE, null]);
  });

  it('are asked for on a new connection after the server forgot the statement', async () => {
    pass = (bytes, client) => void client.write(bytes[0] === BIND_COMPLETE ? FORGOTTEN : bytes);
    for (const nth of ['first', 'second']) {
      const answer = await ask('nobody');
      expect(answer, nth).toMatchObject({ message: expect.stringMatching(/does not exist/) as unknown });
      expect(answer).not.toBeInstanceOf(QuestionError);
      expect(await ask('fred'), 'which prepares the statement again').toEqual(ACTIVE);
    }
    pass = whole;
    expect(await askBoth()).toEqual([ACTIVE, null]);
  });
});

const BIND_COMPLETE = 0x32;
const NOTICE = Buffer.from('N\0\0\0\x18SNOTICE\0C00000\0Mhi\0\0');
const FORGOTTEN = Buffer.from('E\0\0\0\x26SERROR\0C26000\0Mit does not exist\0\0Z\0\0\0\x05I');

function insert(bytes: Buffer, at: number, more: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}
