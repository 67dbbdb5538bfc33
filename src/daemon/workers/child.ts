import { type ChildProcess, fork } from 'node:child_process';
import { type Calls, type Handlers, createCalls } from './calls.ts';
import { toClock } from './clock.ts';
import { type Told, createFlight } from './flight.ts';
import { type Accepted, type Taker, isLate } from './handover.ts';
import type { Given, Words } from './worker.ts';

/** A worker: a process that this one has started. */
export interface Child extends Taker, Pick<Calls, 'call'> {
  readonly number: number;
  readonly pid: number;
  /** How many connections it served when it last spoke. `clients` also counts those that it was given since then. */
  readonly served: number;
  /** Half-closes the connection on its way if it is late, and sees to it that the worker gets others if that one was lost. */
  look(latestMs: number): void;
  /** It may be given connections. */
  begin(): void;
  kill(): void;
  /** Resolves to why it ended, when all that it had sent is taken. */
  readonly gone: Promise<string>;
}

/** Who is told what a worker does. */
export interface ChildEvents {
  /** It has room for another connection. */
  free(): void;
  /** It ended without having taken this one, so nobody has read from it. */
  givenBack(accepted: Accepted): void;
  /** What it says to the process that listens. */
  told(words: Words): void;
  /** Whole lines of its log. */
  wrote(lines: string): void;
}

const LAST_WORDS_MS = 1_000; // after its end, for what it had sent

const KEPT = { keepOpen: true } as const;
const nothing = (): void => {};

let given = 0;

/** Starts a worker. Its `number` stands in the list of processes. It ends when this process does. */
export function startChild(number: number, program: string, handlers: Handlers, events: ChildEvents): Child {
  // Its log comes through a pipe: two processes that write to one pipe would mix their lines.
  const child = fork(program, [String(number)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const calls = createCalls((message) => send(child, message), handlers);
  const flight = createFlight();
  let begun = false;
  let givenAt = 0;

  const landed = ({ socket }: Accepted): void => {
    flight.landed();
    socket.destroy(); // the worker has it: only our handle is closed
    if (begun) events.free();
  };
  // Node's own word that a socket has come, before anybody reads from it. It is not for applications, but another message for
  // each connection would cost a tenth of all that it takes. See flight.ts for the case that it does not come.
  child.on('internalMessage', ({ cmd }: { readonly cmd: string }) => {
    if (cmd === 'NODE_HANDLE_ACK' && flight.flying !== null) landed(flight.flying);
  });
  child.on('message', (message: object) => {
    if (calls.take(message)) return;
    if (!('clients' in message)) return events.told(message as Words);
    const { flying } = flight;
    if (flight.told(message as Told) && flying !== null) landed(flying);
  });
  const exited = new Promise<string>((resolve) => {
    // Its last lines and messages have come. There may be no 'disconnect': Node waits for the acknowledgement of a connection.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (error) => resolve(error.message)); // it could not be started
  });
  /** A process that it has started may hold its channel and its output open. */
  const silent = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => setTimeout(() => resolve(signal ?? `exit code ${code}`), LAST_WORDS_MS));
  });
  const end = (why: string, hasSaidAll: boolean): string => {
    begun = false;
    calls.close();
    const { flying: accepted } = flight;
    flight.landed();
    if (accepted !== null && hasSaidAll) events.givenBack(accepted);
    else accepted?.socket.destroy(); // perhaps the worker had taken it
    return why;
  };
  const gone = Promise.race([
    exited.then((why) => [why, true] as const),
    silent.then((why) => [why, false] as const),
  ]).then(([why, hasSaidAll]) => end(why, hasSaidAll));
  follow(child, (lines) => events.wrote(lines));

  return {
    number,
    pid: child.pid ?? -1,
    get clients() {
      return flight.most;
    },
    get served() {
      return flight.served;
    },
    get isFree() {
      return begun && flight.flying === null;
    },
    get givenAt() {
      return givenAt;
    },
    give(accepted) {
      flight.give(accepted);
      givenAt = ++given;
      const { socket, since, protocol, listener } = accepted;
      socket.on('error', nothing); // the client has gone; the worker sees it
      // Else node:net counts the connections of each worker by more messages. `server` is not documented; with it, all works too.
      (socket as { server?: unknown }).server = null;
      send(child, [toClock(since), protocol, listener] satisfies Given, socket);
    },
    look(latestMs) {
      const { flying: late } = flight;
      if (late === null || late.socket.writableEnded || !isLate(late, latestMs)) return;
      late.socket.end(); // its client learns at once that it gets no answer here, also if the worker hangs
      const isLost = (): void => {
        if (flight.flying === late) landed(late);
      };
      void calls.call('ping', null, null).then(isLost, () => {});
    },
    begin() {
      begun = true;
      events.free();
    },
    call: calls.call,
    kill: () => void child.kill('SIGKILL'),
    gone,
  };
}

/** Sends, or not: a worker that has gone is noticed by its end. */
function send(child: ChildProcess, message: object, socket?: Accepted['socket']): void {
  if (child.connected) child.send(message, socket, KEPT, nothing);
}

/** Passes on whole lines. */
function follow({ stdout }: ChildProcess, wrote: (lines: string) => void): void {
  let rest = '';
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) rest += text;
    else {
      wrote(rest + text.slice(0, end));
      rest = text.slice(end);
    }
  });
}
