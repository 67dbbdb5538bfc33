import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { Redis } from 'ioredis';
import { Client as LdapClient, EqualityFilter, OrFilter } from 'ldapts';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { BareOrder, BarePlace } from './database.ts';
import type { Outcome, Report } from './driver.ts';
import { quantile } from './median.ts';
import { treeUs } from './proc.ts';
import { addressOf } from './request.ts';

/**
 * A bare client of a database, in a process of its own: the client package that smmap uses too, on one connection, which asks one
 * question after the other and waits for each answer.
 */

type Ask = (address: string) => Promise<boolean>;

async function connect(place: BarePlace): Promise<Ask> {
  switch (place.kind) {
    case 'postgresql': {
      const { host, port, user, database, text, parameters } = place;
      const client = new pg.Client({ host, port, user, database });
      await client.connect();
      return async (address) => {
        const values = parameters.map((parameter) => valueOf(parameter, address));
        return (await client.query({ name: 'mailbox', text, values })).rows.length === 1;
      };
    }
    case 'mysql': {
      const { socketPath, user, database, text, parameters } = place;
      const client = await mysql.createConnection({ socketPath, user, database });
      return async (address) => {
        const values = parameters.map((parameter) => valueOf(parameter, address));
        const [rows] = await client.execute<mysql.RowDataPacket[]>(text, values);
        return rows.length === 1;
      };
    }
    case 'ldap': {
      const client = new LdapClient({ url: place.url });
      await client.bind(place.dn, place.password);
      return async (address) => {
        const filters = place.attributes.map((attribute) => new EqualityFilter({ attribute, value: address }));
        const filter = new OrFilter({ filters });
        return (
          (await client.search(place.base, { scope: 'sub', filter, attributes: ['mail'] })).searchEntries.length === 1
        );
      };
    }
    case 'redis': {
      const client = new Redis({ path: place.path });
      await client.ping();
      return async (address) => (await client.sismember(place.set, address)) === 1;
    }
    case 'sqlite': {
      const statement = new Sqlite(place.path, { readonly: true }).prepare(place.text);
      return (address) =>
        Promise.resolve(statement.all(place.parameters.map((parameter) => valueOf(parameter, address))).length === 1);
    }
  }
}

function valueOf(parameter: string, address: string): string {
  const at = address.indexOf('@');
  return parameter === 'address' ? address : parameter === 'local' ? address.slice(0, at) : address.slice(at + 1);
}

const asks = new Map<string, Promise<Ask>>();

async function run({ place, databasePid, mailboxes, warmMs, runMs }: BareOrder): Promise<Report> {
  const name = JSON.stringify(place);
  const connecting = asks.get(name) ?? connect(place);
  asks.set(name, connecting);
  const ask = await connecting;

  const askFor = async (ms: number): Promise<{ waitsMs: Float64Array; found: number }> => {
    const waitsMs: number[] = [];
    let found = 0;
    let nowMs = performance.now();
    for (const untilMs = nowMs + ms; nowMs < untilMs;) {
      if (await ask(addressOf(Math.floor(Math.random() * mailboxes)))) found++;
      const fromMs = nowMs;
      nowMs = performance.now();
      waitsMs.push(nowMs - fromMs);
    }
    return { waitsMs: Float64Array.from(waitsMs).toSorted(), found };
  };

  await askFor(warmMs);
  await sleep(0);
  const databaseFrom = databasePid === null ? 0 : treeUs(databasePid);
  const ownFrom = process.cpuUsage();
  const fromMs = performance.now();
  const { waitsMs, found } = await askFor(runMs);
  const tookMs = performance.now() - fromMs;
  const own = process.cpuUsage(ownFrom);
  const databaseUs = databasePid === null ? null : treeUs(databasePid) - databaseFrom;
  const ownUs = own.user + own.system;
  const replies = waitsMs.length;
  return {
    perSecond: (replies / tookMs) * 1_000,
    p50Us: quantile(waitsMs, 0.5) * 1_000,
    p99Us: quantile(waitsMs, 0.99) * 1_000,
    serverUs: null,
    serverBusy: null,
    databaseUs: databaseUs === null ? null : databaseUs / replies,
    databaseBusy: databaseUs === null ? null : databaseUs / (tookMs * 1_000),
    loadUs: ownUs / replies,
    loadBusy: ownUs / (tookMs * 1_000),
    found,
    notFound: replies - found,
    other: 0,
  };
}

process.on('message', (order: BareOrder) => {
  const send = (outcome: Outcome): void => void process.send?.(outcome);
  run(order).then(
    (report) => send({ report }),
    (error: Error) => send({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
