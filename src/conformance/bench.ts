import type { Endpoint } from '../endpoint.ts';
import type { SocketMapProtocol } from '../protocol/framing.ts';
import type { Need } from './case.ts';
import { legal, shouldBe } from './expect.ts';
import { type Passed, type Wire, type WireOptions, openWire } from './wire.ts';

/** How the server is tested. */
export interface Settings {
  readonly endpoint: Endpoint;
  readonly protocol: SocketMapProtocol;
  readonly map: string;
  /** A key that is found. */
  readonly known: string | null;
  /** A key that is not found. */
  readonly unknown: string | null;
  readonly timeoutMs: number;
  /** How long a client is idle before it asks again. */
  readonly idleMs: number;
  /** How long the server is stopped before a late answer. */
  readonly lateMs: number;
  readonly server: Stoppable | null;
}

/** A server that can be stopped and continued. */
export interface Stoppable {
  stop(): void;
  resume(): void;
}

/** A request whose reply is known, as far as the keys were given. */
export interface Question {
  /** Map, blank, and key, as Latin-1 characters. */
  readonly payload: string;
  /** Throws Failure if a reply is not one to this question. */
  check(reply: string): void;
}

/** What a case works with: connections, and questions. */
export interface Bench {
  readonly settings: Settings;
  /** Throws nothing, but only cases that need it may use it. */
  readonly known: Question;
  /** Its reply is NOTFOUND if the key was given, and any legal one otherwise. */
  readonly unknown: Question;
  /** Two questions with replies as different as possible. */
  readonly pair: readonly [Question, Question];
  /** The one of them whose reply says most. */
  readonly any: Question;
  /** A new connection, which is closed after the case. */
  connect(options?: Partial<Pick<WireOptions, 'timeoutMs' | 'seesReset'>>): Promise<Wire>;
  /** Puts a payload into a frame. */
  frame(payload: string): string;
  /** Asks on a connection, and checks the reply. */
  ask(wire: Wire, question: Question): Promise<void>;
  /**
   * Throws Failure if something comes that nothing asked for. Asks once more, since what is too much comes before that reply
   * however slow the server is, and then waits a little. The question should differ from the one before.
   */
  nothingElse(wire: Wire, question: Question): Promise<void>;
}

/** As many timeouts may a server take that starts a process for each client, when there are many of them. */
export const STARTS = 6;
/** How long nothing more may come. */
export const QUIET_MS = 200;
const NOBODY = 'smmap-conformance-nobody@example.invalid';

/** Opens a bench for one case. `passed` hears of all bytes. */
export function openBench(settings: Settings, passed: (passed: Passed) => void): Bench & { close(): void } {
  const { endpoint, protocol, map, timeoutMs } = settings;
  const wires: Wire[] = [];
  const frame = (payload: string): string => (protocol === 'line' ? `${payload}\n` : `${payload.length}:${payload},`);
  const questionOf = (key: string, check: (reply: string) => void): Question => ({
    payload: bytesOf(`${map} ${key}`),
    check,
  });
  const known = questionOf(settings.known ?? NOBODY, (reply) => shouldBe('OK', reply));
  const unknown = questionOf(settings.unknown ?? NOBODY, (reply) => {
    if (settings.unknown === null) legal(reply);
    else shouldBe('NOTFOUND', reply);
  });
  const ask = async (wire: Wire, question: Question): Promise<void> => {
    wire.send(frame(question.payload));
    question.check(await wire.reply());
  };
  return {
    settings,
    known,
    unknown,
    pair: settings.known === null ? [unknown, unknown] : [known, unknown],
    any: settings.known === null ? unknown : known,
    async connect(options = {}) {
      const wire = await openWire(endpoint, { protocol, timeoutMs, number: wires.length + 1, passed, ...options });
      wires.push(wire);
      return wire;
    },
    frame,
    ask,
    async nothingElse(wire, question) {
      await ask(wire, question);
      await wire.silence(QUIET_MS);
    },
    close() {
      for (const wire of wires) wire.drop();
    },
  };
}

/** What a case needs and the settings lack. Null: nothing. */
export function lacks(need: Need | undefined, settings: Settings): string | null {
  const { known, unknown, server } = settings;
  if ((need === 'known' || need === 'both') && known === null) return 'needs --known';
  if ((need === 'unknown' || need === 'both') && unknown === null) return 'needs --unknown';
  if (need === 'server' && server === null) return 'needs --server-command';
  return null;
}

/** The bytes of a text in UTF-8, as Latin-1 characters. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}
