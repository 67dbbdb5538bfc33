import { isIP } from 'node:net';
import type { Endpoint } from '../../../endpoint.ts';
import { foreign, plain, saying } from '../../../message.ts';
import { dial, wireOf } from '../../dial.ts';
import { StoreError } from '../../store.ts';
import type { TlsOptions } from '../../tls.ts';
import { within } from '../../within.ts';
import { type Dialogue, createDialogue } from './dialogue.ts';
import { type Reply, wordsOfReply } from './reply.ts';

/** The options of one session with a server. */
export interface SessionOptions {
  readonly endpoint: Endpoint;
  /** How the client greets: LHLO of LMTP (RFC 2033), EHLO of SMTP. */
  readonly verb: 'LHLO' | 'EHLO';
  /** The name of this machine in the greeting; null: its address as a literal. */
  readonly helo: string | null;
  /** Null: no STARTTLS. */
  readonly tls: TlsOptions | null;
  readonly login: Login | null;
  /** For the connection, the greeting and everything before the first question. */
  readonly openMs: number;
  /** Is called when the server ends the session by 421. */
  readonly busy?: () => void;
}

/** For AUTH (RFC 4954). */
export interface Login {
  readonly username: string;
  readonly password: () => Promise<string>;
}

/** A session that is open, and what the server offers in it. */
export interface OpenSession {
  readonly dialogue: Dialogue;
  /** Whether several commands may go at once (RFC 2920). */
  readonly pipelining: boolean;
  /** Whether an address may have characters beyond ASCII (RFC 6531). */
  readonly utf8: boolean;
}

const CONNECT_MS = 3_000; // a host that drops packets must not keep us from the next one

/** Opens a session: greeting, LHLO or EHLO, STARTTLS and AUTH if they are wanted. Rejects if a step fails. */
export async function openSession(options: SessionOptions): Promise<OpenSession> {
  const { endpoint, verb, openMs, tls, login, busy } = options;
  return await dial(openMs, async ({ open, connect, secure }) => {
    const opening = tls === null ? open(endpoint) : connect(endpoint).then(wireOf);
    const wire = await within(opening, CONNECT_MS, 'connection');
    const { socket } = wire;
    const hello = `${verb} ${options.helo ?? literalOf(socket.localAddress)}`;
    let dialogue = createDialogue(wire, busy);
    expectReply(await dialogue.greeting(openMs), 220, 'the greeting');
    let offers = offersOf(expectReply(await say(dialogue, hello, openMs), 250, verb));
    if (tls !== null) {
      if (!offers.has('STARTTLS'))
        throw new StoreError('the server does not offer STARTTLS: remove tls, or set up TLS there');
      expectReply(await say(dialogue, 'STARTTLS', openMs), 220, 'STARTTLS');
      dialogue.release();
      const host = endpoint.kind === 'tcp' ? endpoint.host : 'localhost';
      dialogue = createDialogue(wireOf(await secure(socket, tls, host)), busy);
      offers = offersOf(expectReply(await say(dialogue, hello, openMs), 250, verb));
    }
    if (login !== null) await logIn(dialogue, offers.get('AUTH') ?? '', login, openMs);
    return { dialogue, pipelining: offers.has('PIPELINING'), utf8: offers.has('SMTPUTF8') };
  });
}

async function say(dialogue: Dialogue, command: string, timeoutMs: number): Promise<Reply> {
  const [reply] = await dialogue.say([command], timeoutMs);
  return reply as Reply;
}

/** A reply that must have this code. Throws StoreError if it has another one. */
export function expectReply(reply: Reply, code: number, what: string): Reply {
  if (reply.code === code) return reply;
  throw new StoreError(saying`${plain(what)} was answered ${foreign(wordsOfReply(reply))}`);
}

/** What the server offers, by keyword, with the parameters of each. */
function offersOf({ texts }: Reply): ReadonlyMap<string, string> {
  return new Map(
    texts.slice(1).map((text) => {
      const [, keyword = '', parameters = ''] = /^(\S*)\s*(.*)$/.exec(text.toUpperCase()) ?? [];
      return [keyword, parameters];
    }),
  );
}

/** The reply to a password is not quoted: it may repeat it. */
async function logIn(dialogue: Dialogue, offer: string, login: Login, openMs: number): Promise<void> {
  const methods = offer.split(/\s+/);
  const username = Buffer.from(login.username).toString('base64');
  const secret = await login.password();
  const refuse = ({ code, status }: Reply): never => {
    const what = [code, status ?? ''].join(' ').trim();
    throw new StoreError(`AUTH was answered ${what}: check username and password_file`);
  };
  if (methods.includes('PLAIN')) {
    const response = Buffer.from(`\0${login.username}\0${secret}`).toString('base64');
    const reply = await say(dialogue, `AUTH PLAIN ${response}`, openMs);
    if (reply.code !== 235) refuse(reply);
  } else if (methods.includes('LOGIN')) {
    for (const [command, code] of [
      ['AUTH LOGIN', 334],
      [username, 334],
      [Buffer.from(secret).toString('base64'), 235],
    ] as const) {
      const reply = await say(dialogue, command, openMs);
      if (reply.code !== code) refuse(reply);
    }
  } else {
    throw new StoreError('the server offers neither AUTH PLAIN nor AUTH LOGIN: set tls, or remove username');
  }
}

/** An address literal (RFC 5321 section 4.1.3), for a client without a name. */
function literalOf(address: string | undefined): string {
  if (address === undefined) return 'localhost'; // a Unix socket
  return isIP(address) === 6 ? `[IPv6:${address}]` : `[${address}]`;
}
