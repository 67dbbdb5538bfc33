import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PARTS, type PostfixTable } from './database.ts';
import type { Report } from './driver.ts';
import { cpuUs, treeUs } from './proc.ts';
import { addressOf } from './request.ts';
import { type Scratch, ended } from './scratch.ts';

/** Postfix's own table, asked by its program postmap. */
export interface Postmaps {
  /** Lets so many ask side by side, each one key after the other, and counts what they answer. */
  run(processes: number, times: { readonly warmMs: number; readonly runMs: number }): Promise<Report>;
}

const KEYS = 500_000; // the same for each process; a run is over before
const START_MS = 20_000;
const LEAST_MS = 1_000; // since each writes only now and then
const POLL_MS = 10;
const NEWLINE = 0x0a;
const MANY_CHARS = 150; // added to an answer: postmap writes whole blocks, and what it has not written yet is not counted
const UNTOUCHED = 1; // Postfix reads a file again and again for seconds where it was changed just now

const MAIN_CF = ['compatibility_level = 3.6', 'mail_owner = daemon', 'setgid_group = mail', 'default_privs = nobody'];

export function findPostmaps(
  scratch: Scratch,
  { type, lines }: PostfixTable,
  databasePid: number | null,
  mailboxes: number,
): Postmaps | { readonly missing: string } {
  const part = resolve(PARTS, 'postfix-tables');
  const program = join(part, 'usr/sbin/postmap');
  const modules = join(part, 'usr/lib/postfix');
  if (!existsSync(join(modules, `postfix-${type}.so`))) return { missing: `no Postfix with ${type}: below ${part}` };
  const folder = join(scratch.folder, `postmap-${type}`);
  const at = (name: string): string => join(folder, name);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: readonly string[]): void => {
    writeFileSync(at(name), `${text.join('\n')}\n`);
    utimesSync(at(name), UNTOUCHED, UNTOUCHED);
  };
  write('main.cf', [...MAIN_CF, `meta_directory = ${folder}`, `shlib_directory = ${modules}`]);
  write('dynamicmaps.cf', [`${type} postfix-${type}.so dict_${type}_open`]);
  write('table.cf', [...lines, `result_format = %s ${'x'.repeat(MANY_CHARS)}`]);
  write(
    'keys',
    Array.from({ length: KEYS }, () => addressOf(Math.floor(Math.random() * mailboxes))),
  );

  return {
    async run(processes, { warmMs, runMs }) {
      const children = Array.from({ length: processes }, (_, n) => {
        const [input, output, errors] = [
          openSync(at('keys'), 'r'),
          openSync(at(`${n}.out`), 'w'),
          openSync(at(`${n}.err`), 'w'),
        ];
        const child = scratch.spawn(program, ['-c', folder, '-q', '-', `${type}:${at('table.cf')}`], {
          env: { PATH: process.env['PATH'] ?? '', LD_LIBRARY_PATH: join(part, 'libs') },
          stdio: [input, output, errors],
        });
        closeSync(input);
        closeSync(errors);
        return { child, output, n };
      });
      const pids = children.map(({ child }) => child.pid as number);
      const sizes = (): number[] => children.map(({ output }) => fstatSync(output).size);
      try {
        const late = performance.now() + START_MS;
        while (sizes().some((size) => size === 0)) {
          const dead = children.find(({ child }) => child.exitCode !== null);
          if (dead !== undefined || performance.now() > late) {
            throw new Error(
              `postmap does not answer: ${readFileSync(at(`${dead?.n ?? 0}.err`), 'utf8').slice(0, 500)}`,
            );
          }
          await sleep(POLL_MS);
        }
        await sleep(warmMs);
        const failed = children.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
        if (failed) throw new Error(`postmap has ended: ${readFileSync(at(`${failed.n}.err`), 'utf8')}`);
        const look = () => ({
          databaseUs: databasePid === null ? null : treeUs(databasePid),
          ownUs: pids.reduce((sum, pid) => sum + cpuUs(pid), 0),
          sizes: sizes(),
          ms: performance.now(),
        });
        const from = look();
        await sleep(Math.max(runMs, LEAST_MS));
        const to = look(); // in the same order, since looking takes a while
        const tookMs = to.ms - from.ms;
        const ownUs = to.ownUs - from.ownUs;
        const databaseUs = to.databaseUs === null || from.databaseUs === null ? null : to.databaseUs - from.databaseUs;
        if (children.some(({ child }) => child.exitCode !== null)) throw new Error('a postmap has ended early');
        const replies = children.reduce(
          (sum, { n }, which) => sum + linesOf(at(`${n}.out`), from.sizes[which], to.sizes[which]),
          0,
        );
        return {
          perSecond: (replies / tookMs) * 1_000,
          p50Us: NaN,
          p99Us: NaN,
          serverUs: null,
          serverBusy: null,
          databaseUs: databaseUs === null ? null : databaseUs / replies,
          databaseBusy: databaseUs === null ? null : databaseUs / (tookMs * 1_000),
          loadUs: ownUs / replies,
          loadBusy: ownUs / (tookMs * 1_000),
          found: replies,
          notFound: 0,
          other: 0,
        };
      } finally {
        for (const { child, output } of children) {
          child.kill('SIGKILL');
          await ended(child);
          closeSync(output);
        }
      }
    },
  };
}

function linesOf(file: string, from = 0, to = 0): number {
  let lines = 0;
  for (const byte of readFileSync(file).subarray(from, to)) if (byte === NEWLINE) lines++;
  return lines;
}
