import { spawn } from 'node:child_process';
import { CliError, EXIT } from './error.ts';

/** What a test showed. `look`: it ended well, and a person has to look at what it printed. */
export type Verdict = 'ok' | 'FAILED' | 'look' | 'skipped';

/** What a command did. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** How a command is run. */
export type Run = (command: string) => Promise<Outcome>;

const WAIT_MS = 60_000; // Sendmail may take some seconds for DNS; Exim waits 5 s for a socket
const NOT_FOUND = 127; // of the shell
const LAST_LINES = 8;
/** The reply to RCPT in what swaks prints. */
const AFTER_RCPT = /RCPT TO:[^\n]*\n\s*<\S*\s+(\d{3}[^\n]*)/;

/**
 * Runs the commands of a printout, one after the other, and says what each showed. The text after `    # ` is what it should
 * print, or an explanation. Resolves to 0, to 1 if one failed, or to 69 if neither the mail server nor swaks is here.
 */
export async function runTests(tests: readonly string[], run: Run, say: (text: string) => void): Promise<number> {
  const verdicts: Verdict[] = [];
  for (const test of tests) {
    const [, command = test, expected = ''] = /^(.*?)(?:\s{2,}# (.*))?$/.exec(test) ?? [];
    const outcome = await run(command);
    const verdict = judge(outcome, expected);
    verdicts.push(verdict);
    const why = verdict === 'ok' || expected === '' ? '' : `    # ${expected}`;
    const lines = verdict === 'ok' ? [] : outcome.output.trimEnd().split('\n').slice(-LAST_LINES);
    say([`${verdict.padEnd(7)} ${command}${why}`, ...lines.map((line) => `        ${line}`), ''].join('\n'));
  }
  if (verdicts.includes('FAILED')) return 1;
  const ofMailServer = verdicts.filter((_, at) => !OURS.test(tests[at] as string));
  return ofMailServer.every((each) => each === 'skipped') ? EXIT.UNAVAILABLE : 0;
}

/** Commands that every machine has. */
const OURS = /^(?:smmap|namei) /;

/** Compares what a command did with what it should print. */
export function judge({ code, output }: Outcome, expected: string): Verdict {
  if (code === NOT_FOUND) return 'skipped';
  const [, reply] = AFTER_RCPT.exec(output) ?? [];
  if (reply !== undefined && /^\d/.test(expected)) return reply.startsWith(expected) ? 'ok' : 'FAILED';
  if (expected !== '' && output.includes(expected)) return 'ok';
  if (code !== 0 && expected.startsWith('if ')) return 'look';
  if (code !== 0 || /^\d/.test(expected)) return 'FAILED';
  return expected === '' ? 'ok' : 'look';
}

/** Runs a command in a shell that knows `smmap`, and kills all of it when it takes too long. */
export function runInShell(command: string): Promise<Outcome> {
  const script = `smmap() { "$SMMAP_NODE" "$SMMAP_MAIN" "$@"; }\n${command}`;
  const child = spawn('sh', ['-c', script], {
    detached: true, // a process group of its own
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`,
      SMMAP_NODE: process.execPath,
      SMMAP_MAIN: process.argv[1],
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const late = setTimeout(() => {
    output += `\nended after ${WAIT_MS / 1_000} s\n`;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, WAIT_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(late);
      resolve({ code, output });
    });
  });
}

/** An address that a shell takes for one word, and no program for an option. */
const ONE_WORD = /^[\p{L}\p{N}_][\p{L}\p{N}_.+=-]*@[\p{L}\p{N}_.-]+$/u;

/**
 * The tests, with an address that exists on this machine instead of that of the printout. Throws CliError for an address
 * that a shell would take for more: an address may have a backtick or a dollar, and the tests are commands of root.
 */
export function testsFor(address: string, tests: readonly string[], sampled: string): string[] {
  if (!ONE_WORD.test(address)) {
    throw new CliError(EXIT.USAGE, `--test ${address}: test an address of letters, digits and . _ + = - only`);
  }
  const [local, other] = [address, sampled].map((each) => each.replace(/@[^@]*$/, '')) as [string, string];
  return tests.map((test) =>
    test.replaceAll(sampled, address).replaceAll(new RegExp(`\\b${other}\\b(?!@)`, 'g'), local),
  );
}
