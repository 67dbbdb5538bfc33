import { CONTROL_REPLY_BYTES } from '../daemon/control.ts';
import { parseEndpoint } from '../endpoint.ts';
import { parseReply } from '../protocol/reply.ts';
import { type Client, ConnectionError, ProtocolError, TimeoutError, openClient } from '../socket/client.ts';
import { CliError, EXIT } from './error.ts';

/** Sends one command to the daemon. The answer is an object. */
export type Ask = <T extends object>(command: string, argument: string) => Promise<T>;

const TIMEOUT_MS = 5_000;
const REMEDY =
  'start the daemon (smmap serve), check that it has a control socket, or name that socket: --control unix:PATH';
const REMEDY_OFFLINE = `${REMEDY}; or explain without a daemon: smmap explain --offline --config FILE KEY`;

/** How to ask, for a command that differs from the others. */
export interface AskOptions {
  readonly timeoutMs: number;
  /** The exit code if no daemon runs, or it refuses. */
  readonly exitCode: number;
  /** Whether the command can do without a daemon. */
  readonly worksOffline: boolean;
}

const USUAL: AskOptions = { timeoutMs: TIMEOUT_MS, exitCode: EXIT.UNAVAILABLE, worksOffline: false };

const DENIED =
  'only the user of the daemon and root may ask at its control socket; run this as root, or set mode and group in [control]';

/** Sends commands to a daemon over its control socket. Throws CliError if it does not run, or refuses. */
export async function withControl<T>(
  server: string,
  work: (ask: Ask) => Promise<T>,
  given: Partial<AskOptions> = {},
): Promise<T> {
  const options = { ...USUAL, ...given };
  const endpoint = parseEndpoint(server);
  let client: Client | null = null;
  const ask = async <A extends object>(command: string, argument: string): Promise<A> => {
    client ??= await openClient(endpoint, {
      timeoutMs: options.timeoutMs,
      protocol: 'netstring',
      replyBytes: CONTROL_REPLY_BYTES,
    });
    return readAnswer(server, await client.ask(command, argument), options) as A;
  };
  try {
    return await work(ask);
  } catch (error) {
    throw explain(server, error, options);
  } finally {
    (client as Client | null)?.close();
  }
}

function readAnswer(server: string, text: string, { exitCode }: AskOptions): object {
  const reply = parseReply(text);
  if (reply?.kind === 'TEMP') throw new CliError(exitCode, `${server}: ${reply.reason}`);
  const answer = reply?.kind === 'OK' ? parseObject(reply.value) : null;
  if (answer !== null) return answer;
  throw new CliError(EXIT.PROTOCOL, `${server}: is not a control socket of smmap; it answered ${text.slice(0, 100)}`);
}

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function explain(server: string, error: unknown, { exitCode, worksOffline }: AskOptions): unknown {
  if (error instanceof ConnectionError) {
    const remedy = error.isDenied ? DENIED : worksOffline ? REMEDY_OFFLINE : REMEDY;
    return new CliError(exitCode, `${error.message}\n${remedy}`);
  }
  if (error instanceof TimeoutError) return new CliError(EXIT.TEMPORARY, `${server}: ${error.message}`);
  if (error instanceof ProtocolError) return new CliError(EXIT.PROTOCOL, `${server}: ${error.message}`);
  return error;
}
