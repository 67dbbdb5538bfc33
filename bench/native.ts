import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Scratch, ended } from './processes.ts';
import { type Daemon, startProgram } from './server.ts';

/** Servers and a load in C: what a request costs without Node. Their source is compiled for each run. */

const SOURCES = fileURLToPath(new URL('../../bench/c/', import.meta.url)); // this file runs as build/bench/native.js
const SERVER = [`${SOURCES}server.c`];
const LMDB = fileURLToPath(new URL('../../node_modules/lmdb/dependencies/lmdb/libraries/liblmdb/', import.meta.url));

/** Why there is no such program. */
export interface Unbuilt {
  readonly missing: string;
}

/** Starts a server that answers a constant. */
export async function startConstant(scratch: Scratch): Promise<Daemon | Unbuilt> {
  const program = await compile(scratch, [...SERVER, `${SOURCES}constant.c`]);
  return typeof program === 'string' ? await startProgram(scratch, 'C constant', program, []) : program;
}

/** Starts a server that has the mailboxes of the bench in an LMDB file of its own. */
export async function startLmdb(scratch: Scratch, mailboxes: number): Promise<Daemon | Unbuilt> {
  if (!existsSync(`${LMDB}mdb.c`)) return { missing: `the package lmdb came without its source (${LMDB})` };
  const sources = [...SERVER, `${SOURCES}lmdb.c`, `${LMDB}mdb.c`, `${LMDB}midl.c`];
  const program = await compile(scratch, [`-I${LMDB}`, ...sources, '-lpthread']);
  if (typeof program !== 'string') return program;
  return await startProgram(scratch, 'C + LMDB', program, [scratch.path('.lmdb'), String(mailboxes)]);
}

const LIBPQ = '/usr/include/postgresql'; // of Debian's libpq-dev

/** Starts a server that asks PostgreSQL a query with one parameter. Each of its clients has a process and a connection. */
export async function startLibpq(scratch: Scratch, url: string, query: string): Promise<Daemon | Unbuilt> {
  if (!existsSync(`${LIBPQ}/libpq-fe.h`)) return { missing: 'there is no libpq-fe.h. Install the package libpq-dev' };
  const sources = [...SERVER, `${SOURCES}postgresql.c`];
  const program = await compile(scratch, ['-DFORKS', `-I${LIBPQ}`, ...sources, '-lpq']);
  return typeof program === 'string' ? await startProgram(scratch, 'C + libpq', program, [url, query]) : program;
}

/** The path of the load in C. */
export function compileLoad(scratch: Scratch): Promise<string | Unbuilt> {
  return compile(scratch, [`${SOURCES}load.c`]);
}

/** The path of the program. */
async function compile(scratch: Scratch, args: readonly string[]): Promise<string | Unbuilt> {
  const program = scratch.path('.program');
  const child = scratch.spawn('cc', ['-O2', '-w', '-o', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await ended(child).catch((error: Error) => error.message);
  if (code === 0) return program;
  return { missing: errors === '' ? `there is no C compiler (cc): ${code}` : `cc ended with ${code}: ${errors}` };
}
