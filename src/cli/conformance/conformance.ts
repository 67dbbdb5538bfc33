import { appendFileSync, writeFileSync } from 'node:fs';
import type { Settings } from '../../conformance/bench.ts';
import type { Case } from '../../conformance/case.ts';
import { CASES, groupOf } from '../../conformance/cases.ts';
import { formatJunit, formatList, formatReport, jsonOf, jsonOfCase, summaryOf } from '../../conformance/report.ts';
import { type Result, chosen, doubtsAbout, listens, runCases } from '../../conformance/run.ts';
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
export function listCases(protocol: Settings['protocol'], only: readonly string[], json: boolean): void {
  const cases = casesOf(protocol, only);
  process.stdout.write(json ? linesOf(cases.map((each) => jsonOfCase(each, protocol))) : formatList(cases, protocol));
}

/** Tests a server, and prints what it showed. Resolves to the exit code. */
export async function testServer(asked: Conformance): Promise<number> {
  const cases = casesOf(asked.settings.protocol, asked.only);
  if (asked.junit !== null) write(asked.junit, (file) => appendFileSync(file, '')); // before the minutes, and not behind them
  const server = await serverOf(asked);
  let results: Result[];
  try {
    const settings: Settings = { ...asked.settings, server };
    for (const doubt of await doubtsAbout(settings)) process.stderr.write(`${doubt}: cases will fail for that\n`);
    let group = '';
    const begun = ({ id, waits }: Case): void => {
      if (waits === true) process.stderr.write(`${id}, which waits ...\n`);
      else if (groupOf({ id }) !== group) process.stderr.write(`${(group = groupOf({ id }))} ...\n`);
    };
    const restart = async (): Promise<void> => {
      await server?.restart().catch((error: unknown) => {
        process.stderr.write(`the server did not start again: ${messageOf(error)}\n`); // all that is left fails
      });
    };
    results = await runCases(cases, settings, begun, restart);
  } finally {
    await server?.end();
  }
  const summary = summaryOf(results);
  process.stdout.write(asked.json ? linesOf([...results.map(jsonOf), summary]) : formatReport(results));
  if (asked.junit !== null) write(asked.junit, (file) => writeFileSync(file, formatJunit(results, asked.strict)));
  return summary.failedMust > 0 || (asked.strict && summary.failedShould > 0) ? 1 : 0;
}

function casesOf(protocol: Settings['protocol'], only: readonly string[]): ReturnType<typeof chosen> {
  const useless = only.find((pattern) => chosen(CASES, { protocol }, [pattern]).length === 0);
  if (useless !== undefined)
    throw new CliError(EXIT.USAGE, `${useless}: no case matches; smmap conformance --list prints all ids`);
  return chosen(CASES, { protocol }, only);
}

function linesOf(objects: readonly object[]): string {
  return objects.map((each) => `${JSON.stringify(each)}\n`).join('');
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
    return await startServer(serverCommand, settings.endpoint, check);
  } catch (error) {
    throw new CliError(EXIT.IO, `${where}: the server did not start: ${messageOf(error)}; run its command by hand`);
  }
}

function write(file: string, work: (file: string) => void): void {
  try {
    work(file);
  } catch (error) {
    throw new CliError(EXIT.CANNOT_CREATE, `${file}: cannot be written (${messageOf(error)})`);
  }
}
