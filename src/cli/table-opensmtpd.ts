import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import { messageOf } from '../message.ts';
import { LineDecoder } from '../protocol/line.ts';
import type { Payload } from '../protocol/payload.ts';
import { parseReply } from '../protocol/reply.ts';
import {
  type Result,
  type TableQuestion,
  REGISTRATION,
  formatResult,
  parseGreeting,
  parseQuestion,
} from '../protocol/table.ts';
import { type Client, ConnectionError, openClient } from '../socket/client.ts';
import { OWN_MAILBOX } from '../vocabulary.ts';
import { CliError, EXIT } from './error.ts';
import { warn } from './warn.ts';

export interface TableOptions {
  /** Where the daemon listens. */
  readonly server: string;
  readonly timeoutMs: number;
}

/** What smtpd writes to the program and reads from it. */
export interface Pipes {
  readonly input: NodeJS.ReadableStream;
  readonly output: Pick<NodeJS.WritableStream, 'write'>;
}

const REPLY_BYTES = 1_000_000;

/**
 * Answers smtpd until it closes the pipe: whatever fails is the result `error`, since the end of the program would be the end
 * of smtpd. Resolves to the exit code. Throws CliError if smtpd speaks another version, and EndpointError, both before the first question.
 */
export async function tableOpensmtpd(options: TableOptions, { input, output }: Pipes): Promise<number> {
  const asking = createAsking(parseEndpoint(options.server), options.timeoutMs);
  const lines = linesOf(input);
  const map = await greet(lines, output);
  for await (const line of lines) {
    const question = parseQuestion(line);
    if (question === null) warn(`smtpd sent a line that is no question of smtpd-tables(7): ${JSON.stringify(line)}`);
    else output.write(formatResult(question, await resultOf(question, (key) => asking.ask(map, key))));
  }
  asking.close();
  return 0;
}

/** The lines of smtpd without their ends. One that is not ended when smtpd closes the pipe is dropped. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<Payload, void, undefined> {
  const decoder = new LineDecoder(Infinity); // smtpd, which has started us, would end with us
  for await (const chunk of input) {
    decoder.push(chunk as Buffer);
    for (let line = decoder.next(); line !== null; line = decoder.next()) yield line;
  }
}

/** Reads what smtpd says first, and registers. Resolves to the name of the table, which is that of the map. */
async function greet(lines: AsyncGenerator<Payload, void, undefined>, output: Pipes['output']): Promise<string> {
  let name = '';
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    const greeting = parseGreeting(line.value);
    if (greeting === null) continue;
    if ('unknownVersion' in greeting) {
      const reason = `smtpd speaks version ${greeting.unknownVersion} of the protocol of tables, and not 0.1`;
      throw new CliError(EXIT.PROTOCOL, `${reason}; install a newer smmap`);
    }
    if ('tableName' in greeting) name = greeting.tableName;
    else break;
  }
  output.write(REGISTRATION);
  return name;
}

async function resultOf(
  { operation, service, key }: TableQuestion,
  ask: (key: string) => Promise<string>,
): Promise<Result> {
  if (operation === 'update') return { kind: 'ok' };
  if (operation === 'fetch') return { kind: 'error', reason: 'a socket map has no next value to fetch' };
  if (operation !== 'check' && operation !== 'lookup') {
    return { kind: 'error', reason: 'smmap does not know this operation' };
  }
  if (key === null) return { kind: 'error', reason: 'the key is not UTF-8' };
  if (service === 'alias' && key.replace(/@$/, '') === OWN_MAILBOX) return { kind: 'not-found' };
  try {
    const result = resultOfReply(await ask(key));
    return service === 'alias' && result.kind === 'found' ? { kind: 'found', value: ownOf(result.value, key) } : result;
  } catch (error) {
    return { kind: 'error', reason: messageOf(error) };
  }
}

/** The targets of an alias, in which the address itself is OWN_MAILBOX. */
function ownOf(targets: string, key: string): string {
  const isOwn = (target: string): boolean => target.toLowerCase() === key.toLowerCase();
  return targets
    .split(', ')
    .map((target) => (isOwn(target) ? OWN_MAILBOX : target))
    .join(', ');
}

/** NOTFOUND is the only reply that says that there is nobody. */
function resultOfReply(payload: string): Result {
  const reply = parseReply(payload);
  if (reply === null) return { kind: 'error', reason: 'the server sent no reply of a socket map' };
  if (reply.kind === 'OK') return { kind: 'found', value: reply.value };
  return reply.kind === 'NOTFOUND' ? { kind: 'not-found' } : { kind: 'error', reason: `${reply.kind} ${reply.reason}` };
}

/**
 * Asks the daemon over one connection. When the daemon has ended since the last question, the question goes to the one that
 * listens now. A client that failed is closed, so that no late reply is taken for the next one.
 */
function createAsking(
  server: Endpoint,
  timeoutMs: number,
): { ask(map: string, key: string): Promise<string>; close(): void } {
  let client: Client | null = null;
  const open = async (): Promise<Client> =>
    (client = await openClient(server, { timeoutMs, protocol: 'netstring', replyBytes: REPLY_BYTES }));
  const ask = async (map: string, key: string): Promise<string> => {
    const kept = client;
    try {
      return await (kept ?? (await open())).ask(map, key);
    } catch (error) {
      client?.close();
      client = null;
      if (kept === null || !(error instanceof ConnectionError)) throw error;
      return ask(map, key);
    }
  };
  return { ask, close: () => client?.close() };
}
