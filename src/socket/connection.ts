import type { Socket } from 'node:net';
import type { Decoder, Framing } from '../protocol/framing.ts';
import { FramingError } from '../protocol/netstring.ts';
import { formatReply } from '../protocol/reply.ts';
import { parseRequest } from '../protocol/request.ts';
import type { Maybe, Reply, Request } from '../vocabulary.ts';
import type { Clock } from './clock.ts';
import { readInto } from './reader.ts';

/** How much, and how long: in bytes and milliseconds. */
export interface Limits {
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly deadlineMs: number;
  readonly unfinishedMs: number;
  readonly unreadMs: number;
  /** 0: never, since an idle close makes a live Sendmail session answer 451 to its end. */
  readonly idleMs: number;
}

/** Why we ended a connection that its client would have kept. */
export type Ended = 'framing error' | 'unfinished request' | 'replies not read' | 'idle' | 'late answer';

/** What a connection is given: it knows no map and no store. */
export interface Service {
  readonly limits: Limits;
  readonly clock: Clock;
  answer(request: Request): Maybe<Reply>;
  /** The request was answered TEMP at its deadline. */
  deadlinePassed(request: Request): void;
  ended(why: Ended): void;
}

const MALFORMED: Reply = { kind: 'TEMP', reason: 'malformed request' };
const FRAMING: Reply = { kind: 'TEMP', reason: 'framing error' };
const OVERLOADED: Reply = { kind: 'TEMP', reason: 'too many connections' };
const DEADLINE: Reply = { kind: 'TEMP', reason: 'deadline passed' };
const FAILED: Reply = { kind: 'TEMP', reason: 'lookup failed' };

const FLUSH_CHARS = 65_536; // replies to requests that came together leave together, up to this many
const TIMER_EARLY_MS = 1; // setTimeout counts whole milliseconds from the start of the loop's turn
const TURN_REQUESTS = 16; // of one client, then the others have their turn; no MTA sends a second one before its reply
const PATIENCE = 1.25; // deadlines after which a client may have given up: 5 s by default, as long as Exim waits

/**
 * Serves one client: replies go out in the order of the requests, with one request in progress at a time. The socket must
 * have been made with `allowHalfOpen`, since Exim half-closes behind each request, and with `pauseOnConnect`.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #service: Service;
  readonly #framing: Framing;
  readonly #overloaded: () => boolean;
  readonly #decoder: Decoder;
  #request: Request = { map: '', key: '' };
  #arrived = 0;
  #answering = false;
  #blocked = false;
  #resting = false;
  #clientEnded = false;
  #draining = false;
  #finished = false;
  #unfinishedTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(accepted: Socket, framing: Framing, service: Service, overloaded: () => boolean, closed: () => void) {
    this.#service = service;
    this.#framing = framing;
    this.#overloaded = overloaded;
    this.#decoder = framing.decoder(service.limits.requestBytes);
    const socket = readInto(accepted, (buffer, length) => this.#read(buffer, length));
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

  /** Answers what was asked, then half-closes. */
  drain(): void {
    this.#draining = true;
    this.#work();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(buffer: Buffer, length: number): void {
    if (this.#finished) return;
    this.#decoder.push(buffer, length);
    if (this.#busy()) {
      this.#socket.pause();
    } else {
      this.#arrived = this.#service.clock.arrived();
      this.#work();
    }
    this.#decoder.keep();
  }

  /** An answer is awaited, or the client has to read, or others have their turn. */
  #busy(): boolean {
    return this.#answering || this.#blocked || this.#resting;
  }

  /** Answers the requests that are here, until one has to be waited for, the client has to read, or its turn is over. */
  #work(): void {
    if (this.#finished || this.#busy()) return;
    let replies = '';
    let turn = 0;
    try {
      for (let payload = this.#decoder.next(); payload !== null; payload = this.#decoder.next()) {
        this.#clearUnfinished();
        const reply = this.#reply(payload);
        if (reply instanceof Promise) {
          this.#send(replies);
          this.#wait(reply);
          return;
        }
        replies += this.#encode(reply);
        if (++turn === TURN_REQUESTS || replies.length >= FLUSH_CHARS) {
          if (this.#send(replies)) this.#rest();
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#send(replies + this.#encode(FRAMING));
      this.#finish('framing error');
      return;
    }
    if (this.#send(replies)) this.#await();
  }

  #reply(payload: Buffer): Maybe<Reply> {
    const request = parseRequest(payload);
    if (request === null) return MALFORMED;
    this.#request = request;
    if (this.#overloaded()) return OVERLOADED;
    return this.#leftMs() <= TIMER_EARLY_MS ? this.#deadlinePassed() : this.#service.answer(request);
  }

  #deadlinePassed(): Reply {
    this.#service.deadlinePassed(this.#request);
    return DEADLINE;
  }

  #encode(reply: Reply): string {
    return this.#framing.encode(formatReply(reply, this.#service.limits.replyBytes));
  }

  #leftMs(): number {
    return this.#service.limits.deadlineMs - this.#waitedMs();
  }

  #waitedMs(): number {
    return performance.now() - this.#arrived;
  }

  /** Waits for an answer until its deadline; one that comes later goes nowhere. */
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
    const timer = setTimeout(() => settle(this.#deadlinePassed()), Math.ceil(this.#leftMs()));
    answer.then(settle, () => settle(FAILED));
  }

  /** Hands replies to the socket; false where no more may be done now: the client does not read, or it is too late. */
  #send(replies: string): boolean {
    if (replies === '') return !this.#blocked;
    if (this.#waitedMs() > this.#service.limits.deadlineMs * PATIENCE && !this.#framing.patient) {
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
    if (!this.#answering) this.#arrived = this.#service.clock.arrived(); // the time that the client took to read is not ours
    this.#work();
  }

  /** Lets the other clients have their turn: libuv reads up to 32 times from one socket before it comes to the next. */
  #rest(): void {
    this.#resting = true;
    this.#socket.pause();
    setImmediate(() => {
      this.#resting = false;
      this.#work();
    });
  }

  /** All that was asked is answered: end here, or go on reading. */
  #await(): void {
    if (this.#clientEnded || (this.#draining && !this.#decoder.unfinished)) {
      this.#finish(null);
      return;
    }
    if (this.#decoder.unfinished) {
      this.#unfinishedTimer ??= setTimeout(() => this.#drop('unfinished request'), this.#service.limits.unfinishedMs);
    }
    if (this.#socket.isPaused()) this.#socket.resume();
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
   * Flushes and half-closes; what still comes in is discarded until the client closes too. A half-close and no close,
   * since Sendmail recovers from the end of input, but not from a broken pipe; and unread input at a close could take
   * the last reply with it.
   */
  #finish(why: Ended | null): void {
    if (this.#finished) return;
    this.#finished = true;
    if (why !== null) this.#service.ended(why);
    this.#clearUnfinished();
    clearTimeout(this.#closeTimer);
    this.#closeTimer = setTimeout(() => this.destroy(), this.#service.limits.unreadMs);
    this.#socket.end();
    this.#socket.resume();
  }

  #drop(why: Ended): void {
    this.#service.ended(why);
    this.destroy();
  }
}
