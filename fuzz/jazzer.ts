// Fuzzing that is guided by coverage: Jazzer.js keeps the inputs that reach something new, and changes those.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Target } from './target.ts';

/** The program of Jazzer.js, or why there is none. */
export type Jazzer = { readonly cli: string } | { readonly missing: string };

/** Finds Jazzer.js, if it is installed and this machine can load its native part. */
export function findJazzer(): Jazzer {
  try {
    const cli = createRequire(import.meta.url).resolve('@jazzer.js/core/dist/cli.js');
    createRequire(cli)('@jazzer.js/fuzzer'); // Debian 12 has too old a glibc for it
    return { cli };
  } catch (error) {
    return { missing: (error as Error).message.split('\n', 1)[0] as string };
  }
}

/** What a guided run is about. */
export interface GuidedRun {
  readonly name: string;
  /** Whether the target returns before it is done. Jazzer.js then takes three times as long for an input. */
  readonly isAsync: boolean;
  /** Inputs to begin with. */
  readonly corpus: string;
  readonly minutes: number;
  readonly seed: number;
}

/** An input that broke a target, and why. */
export interface Finding {
  readonly bytes: Buffer;
  readonly why: string;
}

/** What came of it. */
export interface Guided {
  readonly inputs: number;
  /** How many edges between parts of the code were reached. */
  readonly edges: number;
  readonly found: Finding | null;
}

const COUNTED = ['build/src/', 'node_modules/ldapts/', 'node_modules/smol-toml/']; // where coverage is
const INCLUDES = COUNTED.flatMap((part) => ['-i', part]);
const REACHED = 'build/corpus'; // of earlier runs, so that the next one goes on there
const LONGEST = 1_024; // bytes of an input
const HANG_S = 20;
const MOST_MB = 4_096;

/** Runs one target for so many minutes, or until it breaks. */
export function runGuided(cli: string, { name, isAsync, corpus, minutes, seed }: GuidedRun): Guided {
  const reached = join(REACHED, name);
  mkdirSync(reached, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'smmap-fuzz-'));
  const log = join(folder, 'log');
  const out = openSync(log, 'w');
  const program = fileURLToPath(new URL('guided.js', import.meta.url));
  const limits = [`-max_total_time=${Math.ceil(minutes * 60)}`, `-max_len=${LONGEST}`, `-timeout=${HANG_S}`];
  const settings = [`-rss_limit_mb=${MOST_MB}`, `-seed=${seed}`, `-artifact_prefix=${join(folder, 'found-')}`];
  try {
    const { status } = spawnSync(
      process.execPath,
      [cli, program, reached, corpus, ...(isAsync ? [] : ['--sync']), ...INCLUDES, '--', ...limits, ...settings],
      { stdio: ['ignore', out, out], env: { ...process.env, SMMAP_FUZZ_TARGET: name } },
    );
    const report = readFileSync(log, 'utf8');
    const broken = readdirSync(folder).find((each) => each.startsWith('found-'));
    if (broken === undefined && status !== 0) throw new Error(`Jazzer.js ended with ${status}:\n${report}`);
    const [, inputs = 0, edges = 0] = [...report.matchAll(/^#(\d+)\s.* cov: (\d+) /gm)].at(-1) ?? [];
    const [why = report] = /^==\d+== [^]*?(?=^MS: )/m.exec(report) ?? [];
    const found = broken === undefined ? null : { bytes: readFileSync(join(folder, broken)), why };
    return { inputs: Number(inputs), edges: Number(edges), found };
  } finally {
    closeSync(out);
    rmSync(folder, { recursive: true });
  }
}

/** The same input with all left out that it does not need to break the target. */
export async function shrunk(bytes: Buffer, target: Target): Promise<Buffer> {
  const breaks = async (some: Buffer): Promise<boolean> => {
    try {
      await target(Buffer.from(some));
      return false;
    } catch {
      return true;
    }
  };
  let least = bytes;
  for (let size = bytes.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < least.length;) {
      const less = Buffer.concat([least.subarray(0, at), least.subarray(at + size)]);
      if (await breaks(less)) least = less;
      else at += size;
    }
  }
  return least;
}
