import type { Extent } from './bench.ts';
import type { Load, Report } from './driver.ts';
import { median, medianKnown } from './median.ts';
import type { Questions } from './request.ts';
import type { Server } from './server.ts';
import { formatCount, formatFixed } from './table.ts';

/** A server, and what it is asked. */
export interface Contender extends Questions {
  readonly name: string;
  readonly server: Server;
  readonly connections: number;
  /** The first process of the database behind it. */
  readonly databasePid?: number | null;
}

/** Medians over the rounds; the ratios are to the first contender in the same round. */
export interface Standing {
  readonly contender: Contender;
  readonly perSecond: number;
  readonly perSecondRatio: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p99Ratio: number;
  readonly serverUs: number | null;
  readonly serverUsRatio: number | null;
  readonly serverBusy: number | null;
  readonly databaseUs: number | null;
  readonly databaseBusy: number | null;
  readonly loadUs: number;
  readonly loadBusy: number;
  /** Replies, by what they said. */
  readonly found: number;
  readonly notFound: number;
  readonly other: number;
  /** Why it has no figures. */
  readonly error: string | null;
  /** By the round; null where it was out. */
  readonly reports: readonly (Report | null)[];
}

/**
 * Lets the contenders run one after the other in short rounds, so that what disturbs the machine disturbs all of them;
 * each round begins with another one. One that fails is out.
 */
export async function runRounds(
  load: Load,
  contenders: readonly Contender[],
  extent: Pick<Extent, 'rounds' | 'warmMs' | 'runMs'>,
): Promise<readonly Standing[]> {
  const rounds: Map<Contender, Report>[] = [];
  const errors = new Map<Contender, string>();
  for (let round = 0; round < extent.rounds; round++) {
    const reports = new Map<Contender, Report>();
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length] as Contender;
      const { server, databasePid = null, connections, map, keys } = contender;
      const { warmMs, runMs } = extent;
      if (errors.has(contender)) continue;
      try {
        const { path, pid: serverPid } = server;
        const order = { path, serverPid, databasePid, connections, map, keys, warmMs, runMs };
        reports.set(contender, await load.run(order));
      } catch (error) {
        errors.set(contender, (error as Error).message);
      }
    }
    rounds.push(reports);
  }
  const [reference] = contenders;
  if (reference === undefined || errors.has(reference)) throw new Error(`${errors.get(reference as Contender)}`);
  return contenders.map((contender) => standingOf(contender, reference, rounds, errors.get(contender) ?? null));
}

function standingOf(
  contender: Contender,
  reference: Contender,
  rounds: readonly ReadonlyMap<Contender, Report>[],
  error: string | null,
): Standing {
  const own = rounds.flatMap((reports) => reports.get(contender) ?? []);
  const ratios = (figure: (report: Report) => number | null): number[] =>
    rounds.flatMap((reports) => {
      const mine = reports.get(contender);
      const theirs = reports.get(reference);
      const [over, under] = [mine && figure(mine), theirs && figure(theirs)];
      return typeof over === 'number' && typeof under === 'number' ? [over / under] : [];
    });
  return {
    contender,
    perSecond: median(own.map((report) => report.perSecond)),
    perSecondRatio: median(ratios((report) => report.perSecond)),
    p50Us: median(own.map((report) => report.p50Us)),
    p99Us: median(own.map((report) => report.p99Us)),
    p99Ratio: median(ratios((report) => report.p99Us)),
    serverUs: medianKnown(own.map((report) => report.serverUs)),
    serverUsRatio: medianKnown(ratios((report) => report.serverUs)),
    serverBusy: medianKnown(own.map((report) => report.serverBusy)),
    databaseUs: medianKnown(own.map((report) => report.databaseUs)),
    databaseBusy: medianKnown(own.map((report) => report.databaseBusy)),
    loadUs: median(own.map((report) => report.loadUs)),
    loadBusy: median(own.map((report) => report.loadBusy)),
    found: sum(own.map((report) => report.found)),
    notFound: sum(own.map((report) => report.notFound)),
    other: sum(own.map((report) => report.other)),
    error,
    reports: rounds.map((reports) => reports.get(contender) ?? null),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The columns of formatStanding. */
export const STANDING_HEAD: readonly string[] =
  'conns,server,req/s,ratio,p50 us,p99 us,ratio,CPU us/req,ratio,busy %,load us/req,busy %,remark'.split(',');

/** One row for formatTable, with two columns of text. */
export function formatStanding(standing: Standing): string[] {
  const { contender, error, other } = standing;
  const start = [String(contender.connections), contender.name];
  if (error !== null) return [...start, ...Array.from({ length: 10 }, () => '-'), error];
  const percent = (share: number | null): string => formatFixed(share === null ? null : share * 100, 0);
  return [
    ...start,
    formatCount(standing.perSecond),
    formatFixed(standing.perSecondRatio, 2),
    formatFixed(standing.p50Us, 0),
    formatFixed(standing.p99Us, 0),
    formatFixed(standing.p99Ratio, 2),
    formatFixed(standing.serverUs, 2),
    formatFixed(standing.serverUsRatio, 2),
    percent(standing.serverBusy),
    formatFixed(standing.loadUs, 2),
    percent(standing.loadBusy),
    other > 0 && contender.server.pid !== null ? `${other} replies were neither OK nor NOTFOUND` : '',
  ];
}
