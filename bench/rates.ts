import type { Bench } from './bench.ts';
import type { LoadReport } from './load.ts';
import type { Questions } from './questions.ts';
import { interleave, median, ratios } from './rounds.ts';
import type { Server } from './server.ts';
import { type Figure, formatNumber, formatRange, formatTable } from './table.ts';

/** What the load asks of a server. */
export interface Asked extends Questions {
  /** The first column of the table; the same for both builds. */
  readonly what: string;
  readonly server: Server;
  readonly connections: number;
  /** How many requests a connection has; without it, any number. */
  readonly perConnection?: number;
  /** Questions in one write of a bare client. */
  readonly atOnce?: number;
  readonly databasePid?: number | null;
  /** What every reply has to be. */
  readonly expected: 'OK' | 'NOTFOUND';
}

/** What came of it, by round. */
export interface Rate {
  readonly asked: Asked;
  readonly reports: readonly LoadReport[];
}

const WARM_MS = 50;
const RUN_MS = 180;

/** Asks each in each round. Throws where a reply is not what it has to be: the figures would be of something else. */
export async function measureRates({ load, rounds }: Bench, all: readonly Asked[]): Promise<Rate[]> {
  const tasks = all.map((asked) => async (): Promise<LoadReport> => {
    const { what, server, connections, perConnection = null, atOnce = 1, databasePid = null, expected } = asked;
    const where = { endpoint: server.endpoint, dialect: server.dialect, serverPid: server.pid, databasePid };
    const questions = { map: asked.map, keys: asked.keys, atOnce, connections, perConnection };
    const report = await load.run({ ...where, ...questions, warmMs: WARM_MS, runMs: RUN_MS });
    const wrong = report.other + (expected === 'OK' ? report.notFound : report.found);
    const isWrong = wrong > 0 && server.name !== 'floor';
    if (isWrong) throw new Error(`${what}, ${server.name}: ${wrong} replies were not ${expected}`);
    return report;
  });
  const reports = await interleave(rounds, tasks, true);
  return all.map((asked, at) => ({ asked, reports: reports[at] ?? [] }));
}

type Measure = 'perSecond' | 'p50Us' | 'p99Us' | 'cpuUs' | 'busy';

/** The median over the rounds of a measure of one, divided by that of another. */
export function ratioOf(rate: Rate, to: Rate, measure: Measure): number {
  return median(ratios(valuesOf(rate, measure), valuesOf(to, measure)));
}

/** A row for each. `reference` names, in the head of the columns, the row that `referenceOf` gives. */
export function formatRates(rates: readonly Rate[], reference: string, referenceOf: (rate: Rate) => Rate): string {
  const times = `x ${reference}`;
  const head = [
    'what',
    'server',
    'requests/s',
    'range',
    times,
    'p50 us',
    'p99 us',
    times,
    'CPU us/request',
    times,
    'core %',
  ];
  const withDatabase = rates.some(({ reports }) => reports.some(({ databaseUs }) => databaseUs !== null));
  const rows = rates.map((rate) => {
    const middle = (measure: Measure): number => median(valuesOf(rate, measure));
    const ratio = (measure: Measure): number => ratioOf(rate, referenceOf(rate), measure);
    const database = median(rate.reports.map(({ databaseUs }) => databaseUs ?? NaN));
    return [
      rate.asked.what,
      rate.asked.server.name,
      formatNumber(middle('perSecond')),
      formatRange(valuesOf(rate, 'perSecond')),
      ...[ratio('perSecond'), middle('p50Us'), middle('p99Us'), ratio('p99Us')].map(formatNumber),
      ...[middle('cpuUs'), ratio('cpuUs')].map(formatNumber),
      String(Math.round(middle('busy') * 100)),
      ...(withDatabase ? [formatNumber(database)] : []),
    ];
  });
  return formatTable(withDatabase ? [...head, 'database us/request'] : head, rows, 2);
}

/** What is compared between two builds. */
export function figuresOf(rates: readonly Rate[]): Figure[] {
  const all = (measure: Measure, unit: string, better: Figure['better']): Figure[] =>
    rates.map((rate) => {
      const { what, server } = rate.asked;
      return { what, who: server.name, unit, better, values: valuesOf(rate, measure) };
    });
  return [
    ...all('cpuUs', 'CPU us/request', 'lower'),
    ...all('perSecond', 'requests/s', 'higher'),
    ...all('p99Us', 'p99 us', 'lower'),
  ];
}

function valuesOf(rate: Rate, measure: Measure): number[] {
  return rate.reports.map((report) => report[measure]);
}
