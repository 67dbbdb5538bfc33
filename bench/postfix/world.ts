import { createWriteStream } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { findPostfixOfTables } from '../../test/real/mta-postfix.ts';
import { makeTrustedFolder } from '../../test/real/mta.ts';
import { freePort } from '../../test/support/port.ts';
import type { Bench } from '../bench.ts';
import { openPostgresql } from '../databases.ts';
import { firstOf } from '../proc.ts';
import { addressOf } from '../questions.ts';
import type { Kind, World } from './kind.ts';
import { ROWS } from './rows.ts';

/** A kind, and the port of the smtpd that asks it. */
export interface Served extends Kind {
  readonly port: number;
}

/** A Postfix with an smtpd for each kind of table, and all that answers them. */
export interface PostfixWorld {
  readonly served: readonly Served[];
  /** The first process of Postfix. */
  readonly pid: number;
  /** What Postfix complained about up to now. */
  complaints(): string;
  close(): Promise<void>;
}

const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../../.parts', import.meta.url));
const QUERY = 'SELECT username FROM mailbox WHERE username = $1 AND active = true'; // as PostfixAdmin documents it
const COMPLAINTS = /^.*(?:warning|error|fatal|panic): .*$/m; // the first one tells most
const PORTION = 10_000;

/** Starts it, and says by `skip` which row is not measured, and why. */
export async function openPostfixWorld(
  bench: Bench,
  mailboxes: number,
  skip: (name: string, why: string) => void,
): Promise<PostfixWorld | { readonly missing: string }> {
  const postfix = await findPostfixOfTables(PARTS);
  if ('missing' in postfix) return postfix;
  const closing: (() => Promise<void>)[] = [];
  const later = (close: () => Promise<void>): void => void closing.push(close);
  const close = async (): Promise<void> => {
    for (let end = closing.pop(); end !== undefined; end = closing.pop()) await end();
  };
  let pid: number | null = null;
  process.on('exit', () => pid !== null && process.kill(pid, 'SIGKILL')); // before its folder is removed
  try {
    const folder = await makeTrustedFolder();
    later(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    await chmod(dirname(bench.scratch.path('')), 0o711); // smtpd is not root
    const [list, pgsql] = [join(folder, 'mailboxes'), join(folder, 'pgsql.cf')];
    await writeList(list, mailboxes);
    const database = await openDatabase(mailboxes, later);
    if (database !== null) {
      const lines = [`hosts = ${database.url}`, 'dbname = postgres', `query = ${QUERY.replace('$1', "'%s'")}`, ''];
      await writeFile(pgsql, lines.join('\n'));
    }
    const world: World = { bench, mailboxes, list, pgsql, query: QUERY, has: postfix.has, database, later };

    const served: Served[] = [];
    for (const { name, open, most = mailboxes, isFloor = false } of ROWS) {
      if (isFloor && !bench.floor) continue;
      const opened = await open(world);
      if (typeof opened === 'string') skip(name, opened);
      else for (const kind of opened) served.push({ ...kind, name, mailboxes: most, port: await freePort() });
    }
    const tables = new Map(served.map(({ port, table }) => [port, table]));
    const started = await firstOf(() => postfix.start(folder, tables, mainCf([...tables.values()])));
    pid = started.pid as number;
    later(async () => {
      await started.made.stop();
      pid = null;
    });
    const files = served.map(({ table }) => table).filter((table) => table.endsWith(list));
    const { code, stderr } = await started.made.type(`postmap -c ${folder}/postfix ${files.join(' ')}`);
    if (code !== 0) throw new Error(`postmap ended with ${code}: ${stderr}`);
    const complaints = (): string => COMPLAINTS.exec(started.made.log())?.[0] ?? '';
    return { served, pid, complaints, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openDatabase(mailboxes: number, later: World['later']): Promise<World['database']> {
  const { made, pid } = await firstOf(() => openPostgresql(mailboxes));
  if ('missing' in made || pid === null) return null;
  later(() => made.stop());
  return { ...made, pid };
}

/** What postmap reads. */
async function writeList(path: string, mailboxes: number): Promise<void> {
  const portions = function* (): Generator<string> {
    for (let from = 0; from < mailboxes; from += PORTION) {
      const length = Math.min(PORTION, mailboxes - from);
      yield Array.from({ length }, (_, at) => `${addressOf(from + at)} OK\n`).join('');
    }
  };
  await pipeline(Readable.from(portions()), createWriteStream(path));
}

/** No process ends while the bench runs, and no limit slows a session down. */
function mainCf(tables: readonly string[]): string {
  return `compatibility_level = 3.6
virtual_mailbox_domains = example.org
virtual_alias_maps =
local_recipient_maps =
alias_maps =
alias_database =
proxy_read_maps = ${tables.filter((table) => table.startsWith('proxy:')).join(' ')}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 100000000
smtpd_junk_command_limit = 100000000
smtpd_timeout = 3600s
disable_dns_lookups = yes
in_flow_delay = 0
max_use = 100000000
max_idle = 3600s
berkeley_db_create_buffer_size = 268435456
`;
}
