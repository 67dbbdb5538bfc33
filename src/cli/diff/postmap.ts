import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Reply } from '../../vocabulary.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import type { Failed, Side } from './side.ts';

const NOTFOUND: Reply = { kind: 'NOTFOUND' };
const WARNING = /^postmap: warning: /;

/** What postmap found, by the key. */
type Found = ReadonlyMap<string, string>;

/**
 * A table of Postfix, such as `hash:/etc/postfix/virtual`, asked by `postmap -q -`. With `wholeDomains`, an address that is not in it is
 * looked for as `@domain`, as Postfix does.
 */
export function openPostmapSide(table: string, wholeDomains: boolean): Side {
  let isWarned = false;
  return {
    name: table,
    async ask(keys) {
      const wanted = keys.map((key) => (wholeDomains ? [key, ...wholeDomainOf(key)] : [key]));
      const { found, warnings } = await query(table, [...new Set(wanted.flat())]);
      if (!isWarned && warnings !== '') warn(warnings);
      isWarned ||= warnings !== '';
      return wanted.map((each) => {
        if ('kind' in found) return found;
        const hit = each.find((key) => found.has(key));
        return hit === undefined ? NOTFOUND : { kind: 'OK', value: found.get(hit) as string };
      });
    },
    async close() {},
  };
}

function wholeDomainOf(key: string): readonly string[] {
  const at = key.lastIndexOf('@');
  return at > 0 ? [key.slice(at)] : [];
}

/**
 * Asks one process for all keys. By itself, postmap prints nothing for an absence, and nothing if it ends early. So a second table
 * answers each key that the first one does not have, and only such an answer is an absence.
 */
async function query(table: string, keys: readonly string[]): Promise<{ found: Found | Failed; warnings: string }> {
  const absent = `smmap-${randomUUID()}`;
  const child = spawn('postmap', ['-q', '-', table, `static:${absent}`], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [output, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => {}); // then answers are missing
  child.stdin.end(keys.map((key) => `${key}\n`).join(''));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', ({ message }) => reject(new CliError(EXIT.UNAVAILABLE, `postmap cannot be run (${message})`)));
    child.on('close', resolve);
  });
  const lines = said.split('\n').filter((line) => line !== '');
  const trouble = lines.filter((line) => !WARNING.test(line));
  const warnings = lines.filter((line) => WARNING.test(line)).join('; ');
  if (trouble.length === 0 && code === 0) return { found: readFound(output, keys, absent), warnings };
  const ended = code === null ? 'postmap was killed' : `postmap ended with exit code ${code}`;
  const reason = trouble.length > 0 ? trouble.join('; ') : ended;
  return { found: { kind: 'FAILED', reason }, warnings };
}

/** Reads a line for each key, `key<TAB>value`, in the order of the keys. The value `absent` is an absence. */
export function readFound(output: string, keys: readonly string[], absent: string): Found | Failed {
  const lines = output.split('\n').slice(0, -1);
  const isWhole = lines.length === keys.length && lines.every((line, at) => line.startsWith(`${keys[at]}\t`));
  if (!isWhole) return { kind: 'FAILED', reason: 'postmap did not print a line for each key' };
  const values = lines.map((line, at) => [keys[at] as string, line.slice((keys[at] as string).length + 1)] as const);
  return new Map(values.filter(([, value]) => value !== absent));
}
