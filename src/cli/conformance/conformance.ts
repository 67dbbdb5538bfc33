import { writeFileSync } from 'node:fs';
import type { Settings } from '../../conformance/bench.ts';
import type { Case } from '../../conformance/case.ts';
import { CASES, groupOf } from '../../conformance/cases.ts';
import { formatJunit, formatList, formatReport, jsonOf, summaryOf } from '../../conformance/report.ts';
import { type Result, chosen, listens, runCases } from '../../conformance/run.ts';
import { formatEndpoint } from '../../endpoint.ts';
import { messageOf } from '../../message.ts';
import { CliError, EXIT } from '../error.ts';
import { type Server, startServer } from './server.ts';

export interface Conformance {
  readonly settings: Omit<Settings, 'server'>;
  readonly serverCommand: string | null;
  readonly only: readonly string[];
  readonly strict: boolean;
  readonly junit: string | null;
  readonly json: boolean;
}

/** Prints the cases. */
export function listCases(protocol: Settings['protocol'], only: readonly string[]): void {
  process.stdout.write(formatList(casesOf(protocol, only), protocol));
}

/** Tests a server, and prints what it showed. Resolves to the exit code. */
export async function testServer(asked: Conformance): Promise<number> {
  const cases = casesOf(asked.settings.protocol, asked.only);
  const server = await serverOf(asked);
  let results: Result[];
  try {
    const settings: Settings = { ...asked.settings, server };
    let group = '';
    const begun = ({ id, waits }: Case): void => {
      if (waits === true) process.stderr.write(`${id}, which waits ...\n`);
      else if (groupOf({ id }) !== group) process.stderr.write(`${(group = groupOf({ id }))} ...\n`);
    };
    const restart = async (): Promise<void> => {
      await server?.restart().catch(() => {}); // the next case says that it is gone
    };
    results = await runCases(cases, settings, begun, restart);
  } finally {
    await server?.end();
  }
  const summary = summaryOf(results);
  if (asked.junit !== null) writeJunit(asked.junit, formatJunit(results, asked.strict));
  const text = asked.json
    ? [...results.map(jsonOf), summary].map((each) => `${JSON.stringify(each)}\n`).join('')
    : formatReport(results);
  process.stdout.write(text);
  return summary.failedMust > 0 || (asked.strict && summary.failedShould > 0) ? 1 : 0;
}

function casesOf(protocol: Settings['protocol'], only: readonly string[]): ReturnType<typeof chosen> {
  const cases = chosen(CASES, { protocol }, only);
  if (cases.length === 0) throw new CliError(EXIT.USAGE, `no case matches; smmap conformance --list prints all ids`);
  return cases;
}

/** The server that the command starts. Null: it runs already. */
async function serverOf({ settings, serverCommand }: Conformance): Promise<Server | null> {
  const where = formatEndpoint(settings.endpoint);
  const check = (): Promise<string | null> => listens({ ...settings, server: null });
  const why = await check();
  if (serverCommand === null) {
    if (why !== null) throw new CliError(EXIT.IO, `${where}: ${why}`);
    return null;
  }
  if (why === null)
    throw new CliError(EXIT.USAGE, `${where}: a server listens there already; leave out --server-command`);
  try {
    return await startServer(serverCommand, check);
  } catch (error) {
    throw new CliError(EXIT.IO, `${where}: the server did not start: ${messageOf(error)}; run its command by hand`);
  }
}

function writeJunit(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliError(EXIT.CANNOT_CREATE, `${file}: cannot be written (${messageOf(error)})`);
  }
}
