import { createInterface } from 'node:readline';
import { parseEndpoint } from '../endpoint.ts';
import type { SocketMapProtocol } from '../protocol/framing.ts';
import { parseReply } from '../protocol/reply.ts';
import { type Client, ConnectionError, ProtocolError, TimeoutError, openClient } from '../socket/client.ts';
import type { Reply } from '../vocabulary.ts';
import { printable } from './columns.ts';
import { EXIT } from './error.ts';

const PRINTED_CHARS = 1_000;

export interface ProbeOptions {
  readonly server: string;
  readonly map: string;
  readonly protocol: SocketMapProtocol;
  readonly timeoutMs: number;
  readonly json: boolean;
}

const REPLY_BYTES = 1_000_000; // Sendmail reads no more

/** Exit codes from the best to the worst. With several keys, the exit code is the worst. */
const RANKS = [0, 1, EXIT.TEMPORARY, EXIT.UNAVAILABLE, EXIT.PROTOCOL, EXIT.IO];

/** Asks a server for keys and prints the replies. Resolves to the exit code. Stops at the first failed connection. */
export async function probe(keys: AsyncIterable<string> | Iterable<string>, options: ProbeOptions): Promise<number> {
  const { timeoutMs, protocol } = options;
  const endpoint = parseEndpoint(options.server);
  const open = (): Promise<Client> => openClient(endpoint, { timeoutMs, protocol, replyBytes: REPLY_BYTES });
  let client: Client | null = null;
  let worst = 0;
  try {
    let asked = 0;
    for await (const key of keys) {
      asked++;
      const startedAt = performance.now();
      let reply: string | null = null;
      let error: string | null = null;
      let code: number;
      try {
        client ??= await open();
        reply = await client.ask(options.map, key);
        code = codeOfReply(parseReply(reply));
      } catch (failure) {
        client?.close();
        client = null;
        error = (failure as Error).message;
        code = codeOfError(failure);
      }
      const ms = Number((performance.now() - startedAt).toFixed(3));
      const line = options.json
        ? JSON.stringify({ key, reply, error, exitCode: code, ms })
        : `${printable(key, PRINTED_CHARS)}\t${printable(reply?.trimEnd() ?? `(${error})`, PRINTED_CHARS)}`;
      process.stdout.write(`${line}\n`);
      if (RANKS.indexOf(code) > RANKS.indexOf(worst)) worst = code;
      if (code === EXIT.IO) break;
    }
    if (asked === 0) return await probeNothing(open);
  } finally {
    client?.close();
  }
  return worst;
}

/** No keys: then it says at least whether the server is there. */
async function probeNothing(open: () => Promise<Client>): Promise<number> {
  try {
    (await open()).close();
    return 0;
  } catch (error) {
    process.stderr.write(`smmap: ${(error as Error).message}\n`);
    return codeOfError(error);
  }
}

/** The keys on standard input, one a line. */
export async function* linesOf(input: NodeJS.ReadableStream): AsyncIterable<string> {
  for await (const line of createInterface({ input, crlfDelay: Infinity })) yield line;
}

/** The exit code for a reply. Null: one that breaks the protocol. */
export function codeOfReply(reply: Reply | null): number {
  switch (reply?.kind) {
    case 'OK':
      return 0;
    case 'NOTFOUND':
      return 1;
    case 'TEMP':
    case 'TIMEOUT':
      return EXIT.TEMPORARY;
    case 'PERM':
      return EXIT.UNAVAILABLE;
    case undefined:
      return EXIT.PROTOCOL;
  }
}

function codeOfError(error: unknown): number {
  if (error instanceof TimeoutError) return EXIT.TEMPORARY;
  if (error instanceof ProtocolError) return EXIT.PROTOCOL;
  if (error instanceof ConnectionError) return EXIT.IO;
  throw error;
}
