import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Build } from '../bench.ts';
import { CYRUS_MAILBOXES, openCyrus } from '../mailserver.ts';
import { type Unbuilt, startConstant, startLibpq } from '../native.ts';
import { firstOf } from '../proc.ts';
import { MAP } from '../questions.ts';
import { type Daemon, compile, startDaemon, startScript } from '../server.ts';
import { embedded } from '../store.ts';
import type { Opened, OpenedKind, Row, World } from './kind.ts';

export const STATIC = '`static:`';
export const EMBEDDED = 'smmap, embedded store';
const PROXIED = 'the same through `proxy:`'; // as Debian needs it, whose smtpd is in a chroot
export const PGSQL = '`pgsql:`';
export const COLD = 'smmap over the same PostgreSQL';
export const WARM = 'the same, with `cache = { warm = true }`';
const BARE_NODE = 'a bare Node server over the same PostgreSQL'; // with the query of `pgsql:`, prepared
const BARE_C = 'a bare C server over the same PostgreSQL';

/** All rows of the table, in its order. Another kind of table is another row here. */
export const ROWS: readonly Row[] = [
  { name: STATIC, open: () => [{ table: 'static:OK', parts: {} }] },
  {
    name: '`lmdb:`',
    open: ({ has, list }) => (has('lmdb') ? [{ table: `lmdb:${list}`, parts: {} }] : lacking('lmdb')),
  },
  { name: '`hash:`', open: ({ list }) => [{ table: `hash:${list}`, parts: {} }] },
  { name: 'a C server that answers a constant', open: openConstant },
  { name: EMBEDDED, open: openEmbedded },
  { name: PROXIED, open: openProxied },
  { name: "Cyrus's smmapd", most: CYRUS_MAILBOXES, open: openSmmapd },
  { name: PGSQL, open: (world) => openPgsql(world, 'pgsql') },
  { name: '`proxy:pgsql:`', open: (world) => openPgsql(world, 'proxy:pgsql') },
  { name: COLD, open: openCold },
  { name: WARM, open: openWarm },
  {
    name: BARE_NODE,
    isFloor: true,
    open: (world) =>
      openBare(world, (url) => startScript(world.bench.scratch, BARE_NODE, 'postfix/hop.js', [url, world.query])),
  },
  {
    name: BARE_C,
    isFloor: true,
    open: (world) => openBare(world, (url) => startLibpq(world.bench.scratch, url, world.query)),
  },
];

async function openConstant({ bench: { scratch }, later }: World): Promise<Opened> {
  const server = await startConstant(scratch);
  if ('missing' in server) return server.missing;
  later(() => server.close());
  return [{ table: socketmap(server.endpoint), parts: { server: server.pid } }];
}

async function openProxied(world: World): Promise<Opened> {
  const kinds = await openEmbedded(world);
  return kinds.map((kind) => Object.assign(kind, { table: `proxy:${kind.table}` }));
}

async function openSmmapd({ bench: { scratch }, later }: World): Promise<Opened> {
  const { made, pid } = await firstOf(() => openCyrus(scratch));
  if ('missing' in made) return made.missing;
  later(() => made.stop());
  const smmapd = made.targets[0]?.endpoint;
  if (smmapd?.kind !== 'unix' || pid === null) return 'its smmapd does not run';
  await chmod(dirname(smmapd.path), 0o711); // smtpd is not root
  return [{ table: socketmap(smmapd), parts: { server: pid } }];
}

function openPgsql({ database, pgsql, has }: World, kind: string): Opened {
  if (database === null) return NO_DATABASE;
  if (!has('pgsql')) return lacking('pgsql');
  return [{ table: `${kind}:${pgsql}`, parts: { database: database.pid } }];
}

/** A server that does nothing but ask PostgreSQL. */
async function openBare(world: World, start: (url: string) => Promise<Daemon | Unbuilt>): Promise<Opened> {
  const { database, mailboxes, later } = world;
  if (database === null) return NO_DATABASE;
  const server = await start(database.url);
  if ('missing' in server) return server.missing;
  later(() => server.close());
  await compile(server, mailboxes);
  return [{ table: socketmap(server.endpoint), parts: { server: server.pid, database: database.pid } }];
}

async function openCold(world: World): Promise<Opened> {
  const { database } = world;
  if (database === null) return NO_DATABASE;
  return await ofBuilds(world, (build) => openDaemon(world, build, database.store, database.pid));
}

/** Of the builds that know the key. */
async function openWarm(world: World): Promise<Opened> {
  const { database, mailboxes } = world;
  if (database === null) return NO_DATABASE;
  const store = [...database.store, `cache = { warm = true, entries = ${2 * mailboxes} }`];
  const kinds = await ofBuilds(world, async (build) => {
    try {
      return await openDaemon(world, build, store, database.pid, waitUntilWarm);
    } catch {
      return null;
    }
  });
  return kinds.length > 0 ? kinds : 'this build does not start with that key, or has not read in time who exists';
}

/** Until the log says that the cache knows who exists. */
async function waitUntilWarm(daemon: Daemon): Promise<void> {
  for (const lateMs = performance.now() + WARM_MS; performance.now() < lateMs; await sleep(RETRY_MS)) {
    if (daemon.log().includes('store_warmed')) return;
  }
  throw new Error('it is not warm in time');
}

async function openEmbedded(world: World): Promise<OpenedKind[]> {
  const { stores } = world.bench;
  return await ofBuilds(world, async (build) => {
    const { folder } = await stores.get(build, world.mailboxes);
    return await openDaemon(world, build, embedded(folder));
  });
}

/** One of each build, in their order; null: this build has none. */
async function ofBuilds(
  { bench: { builds } }: World,
  open: (build: Build) => Promise<OpenedKind | null>,
): Promise<OpenedKind[]> {
  const kinds: OpenedKind[] = [];
  for (const build of builds) {
    const kind = await open(build);
    if (kind !== null) kinds.push(kind);
  }
  return kinds;
}

async function openDaemon(
  { bench: { scratch }, mailboxes, later }: World,
  build: Build,
  store: readonly string[],
  database?: number,
  until: (daemon: Daemon) => Promise<void> = () => Promise.resolve(),
): Promise<OpenedKind> {
  const daemon = await startDaemon(scratch, build, store);
  later(() => daemon.close());
  await until(daemon);
  await compile(daemon, mailboxes);
  const parts = { server: daemon.pid, ...(database === undefined ? {} : { database }) };
  return { build, table: socketmap(daemon.endpoint), parts };
}

const WARM_MS = 60_000;
const RETRY_MS = 50;
const NO_DATABASE = 'PostgreSQL is not here. To unpack it: sh test/real/parts.sh .parts';

function lacking(module: string): string {
  return `Postfix came without its module postfix-${module}.so. Remove .parts/postfix-tables, and unpack it again`;
}

function socketmap(endpoint: Endpoint): string {
  if (endpoint.kind !== 'unix') throw new Error('not a Unix socket');
  return `socketmap:unix:${endpoint.path}:${MAP}`;
}
