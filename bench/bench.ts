import type { Load, Scratch } from './processes.ts';
import type { Stores } from './store.ts';
import type { Figure, Goal } from './table.ts';

/** A build of smmap: a checkout in which `npm run build` was run. */
export interface Build {
  readonly name: 'this build' | 'other build';
  readonly folder: string;
}

/** What every part is given. */
export interface Bench {
  readonly scratch: Scratch;
  readonly load: Load;
  readonly stores: Stores;
  /** This build, then the one of --other. */
  readonly builds: readonly Build[];
  readonly rounds: number;
  /** --full: more mailboxes. */
  readonly full: boolean;
  /** --floor: also servers that do as little as possible, in the part postfix. */
  readonly floor: boolean;
  readonly print: (text: string) => void;
}

/** A part of the bench: measures, prints its tables, and hands back what is compared and judged at the end. */
export interface Part {
  /** One line for --help. */
  readonly about: string;
  run(bench: Bench): Promise<{ readonly figures: readonly Figure[]; readonly goals: readonly Goal[] }>;
}

/** The program of a build. */
export function mainOf(build: Build): string {
  return `${build.folder}/dist/main.js`;
}
