import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { type Explanation, explain as explainHere } from '../daemon/explain.ts';
import { openMaps } from '../daemon/maps.ts';
import { type Told, toldOf } from '../mta/told.ts';
import { formatRequest } from '../protocol/request.ts';
import { openStore, UNTOLD } from '../store/open.ts';
import { formatKey } from '../toml/check.ts';
import { type LineOf, locateKeys } from '../toml/lines.ts';
import type { Step } from '../trace.ts';
import type { Reply } from '../vocabulary.ts';
import { withControl } from './ask.ts';
import { printable } from './columns.ts';
import type { Configuration } from './configuration.ts';
import { CliError, EXIT } from './error.ts';
import { codeOfReply } from './probe.ts';

export interface ExplainOptions {
  readonly map: string;
  /** The control socket of the daemon. Null: that of the configuration. */
  readonly control: string | null;
  /** Answers in this process instead of asking the daemon. */
  readonly offline: boolean;
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** Prints how a key is answered. Resolves to the exit code, that of `smmap probe`. Throws CliError and ConfigError. */
export async function explain(key: string, options: ExplainOptions, configuration: Configuration): Promise<number> {
  if (/\s/.test(options.map)) throw new CliError(EXIT.USAGE, `${options.map}: the name of a map has no blanks`);
  const explanation = options.offline
    ? await explainOffline(key, options.map, await configuration.load())
    : await explainRunning(key, options, configuration);
  const exitCode = codeOfReply(explanation.reply);
  const { kind, reply, protocols } = explanation;
  const mta = kind === null ? toldOf('mailbox', reply, key, protocols) : toldOf(kind, reply, key, protocols);
  const config = options.control === null ? configuration.file : null; // another daemon may have another file
  const lineOf = locate(config, explanation);
  const located = { ...explanation, config, steps: explanation.steps.map((step) => withLine(step, lineOf)) };
  process.stdout.write(
    options.json ? `${JSON.stringify({ ...located, exitCode, mta })}\n` : format(located, exitCode, mta),
  );
  return exitCode;
}

/** A step, and the line of the configuration that decided it. */
type Located = Step & { readonly line: number | null };

/** An explanation, and the file of the configuration. */
type LocatedExplanation = Omit<Explanation, 'steps'> & {
  readonly config: string | null;
  readonly steps: readonly Located[];
};

function withLine(step: Step, lineOf: LineOf): Located {
  return { ...step, line: step.setting === null ? null : lineOf(step.setting) };
}

/** Finds the lines of the settings of a map, in the file as it is now. A setting that is not written has no line. */
function locate(file: string | null, { section }: Explanation): LineOf {
  if (file === null || section === null) return () => null;
  let find: LineOf;
  try {
    find = locateKeys(readFileSync(file, 'utf8'));
  } catch {
    return () => null; // the daemon has read it, and this user may not
  }
  const top = find(formatKey(['map', section]));
  return (setting) => {
    if (setting === '') return top;
    const found = find(formatKey(['map', section, ...setting.split('.')]));
    return found === top ? null : found; // a key that is missing has the line of its table
  };
}

/** Asks the daemon, because it has the cache, and knows which servers do not answer. */
async function explainRunning(
  key: string,
  options: ExplainOptions,
  configuration: Configuration,
): Promise<Explanation> {
  const { map, timeoutMs } = options;
  return withControl(
    options.control ?? (await configuration.control()),
    (ask) => ask<Explanation>('explain', formatRequest(map, key)),
    { timeoutMs, exitCode: EXIT.IO, worksOffline: true },
  );
}

/** Opens the stores of a configuration and answers as a daemon does. It has no cache, and no server is known to fail. */
async function explainOffline(key: string, map: string, config: Config): Promise<Explanation> {
  const maps = await openMaps(config, (_, store) => openStore(store, UNTOLD));
  try {
    return await explainHere({ map, key }, { config, ...maps });
  } finally {
    await maps.close();
  }
}

function format(explanation: LocatedExplanation, exitCode: number, mta: readonly Told[]): string {
  const { config, kind, stores, steps, leftOut, reply, cause, ms, otherwise, hints } = explanation;
  const output = steps.flatMap((step, at) => linesOf(step, `${at + 1}`.padStart(NUMBER_CHARS)));
  if (leftOut > 0) output.push(`    ${leftOut} more steps are not shown`);
  output.push('');
  const say = (what: string, text: string): void => void output.push(`${what.padEnd(ABOUT_CHARS)} ${line(text)}`);
  say('reply', `${textOf(reply)} (${ms.toFixed(1)} ms, exit code ${exitCode})`);
  if (cause !== null) say('cause', cause);
  if (kind !== null) say('map', `of kind ${kind}, asks ${stores.join(', ')}`);
  if (steps.some((step) => step.line !== null)) say('lines', `of ${config}`);
  for (const { server, text, virtual } of mta) {
    say(server, virtual === null ? text : `${text} (in a virtual domain: ${virtual})`);
  }
  for (const { setting, reply: other, steps: found } of otherwise) {
    say('otherwise', `with ${setting}: ${textOf(other)}`);
    for (const step of found.filter(isTelling)) output.push(`${' '.repeat(ABOUT_CHARS + 3)}${line(textOfStep(step))}`);
  }
  for (const hint of hints) say('hint', hint);
  return `${output.join('\n')}\n`;
}

const NUMBER_CHARS = 3;
const ABOUT_CHARS = 10;
const LINE_CHARS = 1_000;

/** A step, and below it the steps inside it. */
function linesOf(step: Step | Located, number: string): string[] {
  const inner = step.steps.flatMap((each) => linesOf(each, ' '.repeat(NUMBER_CHARS)).map((text) => `  ${text}`));
  const where = 'line' in step && step.line !== null ? ` [line ${String(step.line)}]` : '';
  return [`${number} ${step.about.padEnd(ABOUT_CHARS)} ${line(textOfStep(step))}${where}`, ...inner];
}

function textOfStep({ text, outcome, ms }: Step): string {
  if (outcome === null) return text;
  return `${text}: ${outcome}${ms === null ? '' : ` (${ms.toFixed(1)} ms)`}`;
}

/** Whether a step says why another setting would find the key. */
function isTelling({ about, outcome, text }: Step): boolean {
  return about === 'alias' ? text.includes('leads to') : about === 'store' && outcome?.startsWith('found') === true;
}

function textOf(reply: Reply): string {
  if (reply.kind === 'NOTFOUND') return 'NOTFOUND';
  return `${reply.kind} ${reply.kind === 'OK' ? reply.value : reply.reason}`;
}

function line(text: string): string {
  return printable(text, LINE_CHARS);
}
