import { deserialize, serialize } from 'node:v8';
import { messageOf } from '../../message.ts';
import { RefusedError } from '../control.ts';

/** What another process can be asked, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** A value with Maps and bytes, as text: the channel speaks JSON, which costs a connection less than what can carry all of them. */
type Packed = string;

/** A message of a call, or of its result. */
type Message =
  | { readonly call: number; readonly name: string; readonly argument: Packed }
  | { readonly result: number; readonly value: Packed }
  | { readonly result: number; readonly error: string; readonly kind: string };

/** The other process could not do it, or did not answer. `kind` is the name of its error. */
export class CallError extends Error {
  override name = 'CallError';
  readonly kind: string;

  constructor(message: string, kind: string) {
    super(message);
    this.kind = kind;
  }
}

/** Calls of functions in another process, over a channel that keeps the order of messages. */
export interface Calls {
  /** Rejects with RefusedError if the other side refuses, and with CallError if it fails, is gone, or does not answer in time. */
  readonly call: (name: string, argument: unknown, timeoutMs: number | null) => Promise<unknown>;
  /** Takes a message of the channel. False: it is no call and no result. */
  take(message: object): boolean;
  /** The channel is closed: no call that waits will be answered. */
  close(): void;
}

const GONE = 'gone';
const SILENT = 'silent';

/** Whether the other process did not answer in time. It may do what was asked later. */
export function isSilent(error: unknown): boolean {
  return error instanceof CallError && error.kind === SILENT;
}

/** Calls over a channel, and answers what the other side calls. */
export function createCalls(send: (message: object) => void, handlers: Handlers): Calls {
  const waiting = new Map<number, (outcome: Extract<Message, { result: number }>) => void>();
  let last = 0;
  let closed = false;

  const answer = async (call: number, name: string, argument: Packed): Promise<void> => {
    try {
      const handler = handlers[name] as ((argument: unknown) => unknown) | undefined;
      if (handler === undefined) throw new Error(`there is no ${name}`);
      send({ result: call, value: pack(await handler(unpack(argument))) });
    } catch (error) {
      const kind = error instanceof Error ? error.name : '';
      send({ result: call, error: messageOf(error), kind });
    }
  };
  return {
    call: (name, argument, timeoutMs) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        const settle = (outcome: Extract<Message, { result: number }>): void => {
          waiting.delete(id);
          clearTimeout(timer);
          if (!('error' in outcome)) resolve(unpack(outcome.value));
          else if (outcome.kind === RefusedError.name) reject(new RefusedError(outcome.error));
          else reject(new CallError(outcome.error, outcome.kind));
        };
        const late = (): void => settle({ result: id, error: `no answer within ${timeoutMs} ms`, kind: SILENT });
        const timer = timeoutMs === null ? undefined : setTimeout(late, timeoutMs);
        if (closed) return settle({ result: id, error: 'it has ended', kind: GONE });
        waiting.set(id, settle);
        send({ call: id, name, argument: pack(argument) });
      }),
    take(received) {
      const message = received as Message;
      if ('call' in message) void answer(message.call, message.name, message.argument);
      else if ('result' in message) waiting.get(message.result)?.(message);
      else return false;
      return true;
    },
    close() {
      closed = true;
      for (const [result, settle] of waiting) settle({ result, error: 'it has ended', kind: GONE });
    },
  };
}

function pack(value: unknown): Packed {
  return serialize(value).toString('base64');
}

function unpack(packed: Packed): unknown {
  return deserialize(Buffer.from(packed, 'base64'));
}
