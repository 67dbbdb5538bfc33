import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Decoder, Framing } from '../protocol/framing.ts';
import { FramingError } from '../protocol/netstring.ts';
import type { Payload } from '../protocol/payload.ts';
import { sendable } from '../protocol/reply.ts';
import type { Asked, Maybe, Reply, Request } from '../vocabulary.ts';
import { Arrivals } from './arrivals.ts';
import type { Intake } from './intake.ts';
import { PATIENCE } from './patience.ts';
import { readInto } from './reader.ts';
import type { Turns } from './turn.ts';

/** The limits of a connection, in bytes and milliseconds. */
export interface Limits {
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly deadlineMs: number;
  readonly unfinishedMs: number;
  readonly unreadMs: number;
  /** 0: never. If we close an idle connection, a live Sendmail session answers 451 until it ends. */
  readonly idleMs: number;
}

/** Why we ended a connection that its client wanted to keep. */
export type Ended = 'framing error' | 'unfinished request' | 'replies not read' | 'idle' | 'late answer';

/** Why a connection replies itself, without an answer. */
export type Deferral = 'malformed request' | 'framing error' | 'too many connections' | 'deadline passed';

/** What a connection needs from the daemon. It knows no map and no store. */
export interface Service {
  readonly limits: Limits;
  readonly turns: Turns;
  readonly intake: Intake;
  /** `sendable` turns a reply into one that can be sent, and that is the one to log: a reply that is too long becomes TEMP. */
  answer(request: Request, sendable: (reply: Reply) => Reply): Maybe<Reply>;
  /**
   * The connection itself replies, because there is no answer. `request` is null if it could not be read. Null: it
   * replies TEMP.
   */
  deferred(why: Deferral, request: Request | null, asked: Asked, sendable: (reply: Reply) => Reply): Reply | null;
  ended(why: Ended): void;
}

const FAILED: Reply = { kind: 'TEMP', reason: 'lookup failed' };

const FLUSH_CHARS = 65_536; // replies to requests that came together are sent together, up to this many characters
const TIMER_EARLY_MS = 1; // setTimeout counts whole milliseconds from the start of the turn of the event loop
const TURN_REQUESTS = 16; // of one client, before the others have their turn; no MTA sends a second request before the reply

/**
 * Serves one client. Replies have the order of the requests, and one request is in progress at a time. The socket must have
 * been made with `allowHalfOpen`, because Exim half-closes after each request, and with `pauseOnConnect`.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #service: Service;
  readonly #framing: Framing;
  readonly #overloaded: () => boolean;
  readonly #decoder: Decoder;
  readonly #arrivals: Arrivals;
  #request: Request = { map: '', key: '' };
  #asked: Asked;
  #answering = false;
  #blocked = false;
  #resting = false;
  #clientEnded = false;
  #draining = false;
  #finished = false;
  #unfinishedTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  /** The client did not connect before `since`. Nothing is read until `start()`. `listener` is a name for the log. */
  constructor(
    accepted: Socket,
    since: number,
    framing: Framing,
    service: Service,
    overloaded: () => boolean,
    closed: () => void,
    listener: string,
  ) {
    this.#asked = { listener, arrived: 0 };
    this.#service = service;
    this.#framing = framing;
    this.#overloaded = overloaded;
    this.#decoder = framing.decoder(service.limits.requestBytes);
    this.#arrivals = new Arrivals(service.turns, since);
    const socket = readInto(accepted, (buffer, length, more) => this.#read(buffer, length, more));
    this.#socket = socket;
    socket.setNoDelay(true);
    if (service.limits.idleMs > 0 && !framing.patient) socket.setTimeout(service.limits.idleMs, () => this.#idle());
    socket.on('drain', () => this.#drained());
    socket.on('end', () => {
      this.#clientEnded = true;
      this.#work();
    });
    socket.on('error', () => {}); // the client has gone; 'close' follows
    socket.on('close', () => {
      this.#finished = true;
      this.#clearUnfinished();
      clearTimeout(this.#closeTimer);
      closed();
    });
  }

  start(): void {
    this.#service.intake.whenTaken(() => this.#resume());
  }

  /** Whether the client waits for a reply without a limit, and never connects again. */
  get patient(): boolean {
    return this.#framing.patient;
  }

  /** Answers the requests it has, then half-closes until the client closes its own half. */
  halfClose(): void {
    this.#draining = true;
    this.#work();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(buffer: Buffer, length: number, more: boolean): void {
    if (this.#finished) return;
    const now = performance.now();
    const arrived = this.#arrivals.read(more, now);
    this.#decoder.push(buffer, length);
    if (this.#busy()) {
      this.#pause();
    } else {
      this.#asked = { listener: this.#asked.listener, arrived };
      const { intake, turns } = this.#service;
      if (intake.flooded) this.#rest(intake.whenTaken);
      else if (more) this.#rest(turns.later); // clients that send so much at once share a part of each turn
      else this.#work(now);
    }
    this.#decoder.keep();
  }

  #pause(): void {
    this.#arrivals.leave();
    this.#socket.pause();
  }

  #resume(): void {
    this.#arrivals.watch();
    this.#socket.resume();
  }

  /** Whether we wait for an answer, for the client to read, or for the turn of other clients. */
  #busy(): boolean {
    return this.#answering || this.#blocked || this.#resting;
  }

  /**
   * Answers the requests it has, until an answer takes time, the client must read, or its turn is over. `now` is the time of
   * this call.
   */
  #work(now = performance.now()): void {
    if (this.#finished || this.#busy()) return;
    let replies = '';
    let turn = 0;
    try {
      for (let payload = this.#decoder.next(); payload !== null; payload = this.#decoder.next()) {
        this.#clearUnfinished();
        const reply = this.#reply(payload, turn === 0 ? now : performance.now()); // a store may block
        if (reply instanceof Promise) {
          this.#send(replies);
          this.#wait(reply);
          return;
        }
        replies += this.#encode(reply);
        if (++turn === TURN_REQUESTS || replies.length >= FLUSH_CHARS) {
          if (this.#send(replies)) this.#rest(this.#service.turns.later);
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#send(replies + this.#encode(this.#defer('framing error', null)));
      this.#finish('framing error');
      return;
    }
    if (this.#send(replies)) this.#await();
  }

  #reply(payload: Payload, now: number): Maybe<Reply> {
    const request = this.#framing.parse(payload, this.#asked);
    if (request === null) return this.#defer('malformed request', null);
    if ('kind' in request) return request;
    this.#request = request;
    if (this.#overloaded()) return this.#defer('too many connections', request);
    if (this.#leftMs(now) <= TIMER_EARLY_MS) return this.#defer('deadline passed', request);
    return this.#service.answer(request, this.#sendable);
  }

  #defer(why: Deferral, request: Request | null): Reply {
    const instead = this.#service.deferred(why, request, request?.asked ?? this.#asked, this.#sendable);
    return instead ?? { kind: 'TEMP', reason: why };
  }

  readonly #sendable = (reply: Reply): Reply => sendable(reply, this.#service.limits.replyBytes);

  #encode(reply: Reply): string {
    return this.#framing.respond(reply, this.#service.limits.replyBytes);
  }

  #leftMs(now: number): number {
    return this.#service.limits.deadlineMs - (now - this.#asked.arrived);
  }

  /** Waits for an answer until the deadline. An answer that comes later is dropped. */
  #wait(answer: Promise<Reply>): void {
    this.#answering = true;
    let settled = false;
    const settle = (reply: Reply): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      this.#answering = false;
      if (!this.#finished && this.#send(this.#encode(reply))) this.#work();
    };
    const timer = setTimeout(
      () => settle(this.#defer('deadline passed', this.#request)),
      Math.ceil(this.#leftMs(performance.now())),
    );
    answer.then(settle, () => settle(FAILED));
  }

  /** Writes replies. False: stop for now, because the client does not read, or because it is too late. */
  #send(replies: string): boolean {
    if (replies === '') return !this.#blocked;
    const waitedMs = performance.now() - this.#asked.arrived; // read just before write(2), whatever came in between
    if (waitedMs > this.#service.limits.deadlineMs * PATIENCE && !this.#framing.patient) {
      this.#finish('late answer');
      return false;
    }
    if (this.#socket.write(replies)) return true;
    this.#blocked = true;
    this.#closeTimer ??= setTimeout(() => this.#drop('replies not read'), this.#service.limits.unreadMs);
    return false;
  }

  #drained(): void {
    if (this.#finished) return;
    clearTimeout(this.#closeTimer);
    this.#closeTimer = undefined;
    this.#blocked = false;
    const read = this.#arrivals.drained();
    if (!this.#answering) this.#asked = { listener: this.#asked.listener, arrived: read }; // the time that the client took to read does not count
    this.#work();
  }

  /** Lets other clients go first. libuv reads up to 32 times from one socket before it goes to the next. */
  #rest(later: (work: () => void) => void): void {
    this.#resting = true;
    this.#pause();
    later(() => {
      this.#resting = false;
      this.#work();
    });
  }

  /** All requests are answered: ends the connection, or reads on. */
  #await(): void {
    if (this.#clientEnded || (this.#draining && !this.#decoder.unfinished)) {
      this.#finish(null);
      return;
    }
    if (this.#decoder.unfinished) {
      this.#unfinishedTimer ??= setTimeout(() => this.#drop('unfinished request'), this.#service.limits.unfinishedMs);
    }
    if (this.#socket.isPaused()) this.#resume();
  }

  #clearUnfinished(): void {
    if (this.#unfinishedTimer === undefined) return;
    clearTimeout(this.#unfinishedTimer);
    this.#unfinishedTimer = undefined;
  }

  #idle(): void {
    if (!this.#busy() && !this.#decoder.unfinished) this.#finish('idle');
  }

  /**
   * Flushes and half-closes. What still comes in is discarded until the client closes too. A full close would be wrong:
   * Sendmail recovers from the end of input, but not from a broken pipe, and a close with unread input can destroy the last
   * reply.
   */
  #finish(why: Ended | null): void {
    if (this.#finished) return;
    this.#finished = true;
    if (why !== null) this.#service.ended(why);
    this.#clearUnfinished();
    clearTimeout(this.#closeTimer);
    if (!this.#draining) this.#closeTimer = setTimeout(() => this.destroy(), this.#service.limits.unreadMs);
    this.#socket.end();
    this.#socket.resume();
  }

  #drop(why: Ended): void {
    this.#service.ended(why);
    this.destroy();
  }
}
