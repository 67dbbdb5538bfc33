import { median, ratios } from '../rounds.ts';
import { formatMarkdown, formatNumber } from '../table.ts';
import { PGSQL, STATIC } from './rows.ts';
import { SESSIONS, type Turns, sessionsOf } from './turns.ts';

/** What a RCPT costs, in Markdown: as shares of `static:`, and as CPU time of each part. */

/** The share of the rate of another kind in the same rounds; NaN where one of them is missing. */
export function shareOf(turns: Turns | undefined, to: Turns | undefined): number {
  return median(ratios(ratesOf(turns), ratesOf(to)));
}

export function formatShares(all: readonly Turns[]): string {
  return formatSharesOf(STATIC, all, rowsOf(all));
}

/** What asks PostgreSQL, as shares of `pgsql:`; the first row is `pgsql:` itself. */
export function formatHops(all: readonly Turns[]): string {
  return formatSharesOf(PGSQL, all, rowsOf(all.filter(({ kind }) => kind.parts.database !== undefined)));
}

function formatSharesOf(name: string, all: readonly Turns[], shown: readonly Turns[][]): string {
  const head = [`RCPTs, share of ${name}`, ...SESSIONS.map(sessionsOf)];
  const rows = shown.map((row) => {
    const cells = row.map((turns) => {
      const reference = all.find(({ kind, sessions }) => kind.name === name && sessions === turns.sessions);
      if (turns.kind.name === name) return `${formatNumber(median(ratesOf(turns)))}/s`;
      return formatNumber(shareOf(turns, reference));
    });
    return [labelOf(row)].concat(cells);
  });
  return formatMarkdown(head, rows);
}

/** What counts for which column. What Postfix has beside smtpd and proxymap is the rest. */
const COLUMNS: Readonly<Record<string, (us: Turns['reports'][number]['cpuUs']) => number>> = {
  smtpd: ({ postfix }) => postfix?.['smtpd'] ?? 0,
  'rest of Postfix': ({ postfix = {} }) => sumOf(postfix) - (postfix['smtpd'] ?? 0) - (postfix['proxymap'] ?? 0),
  proxymap: ({ postfix }) => postfix?.['proxymap'] ?? 0,
  'server of the map': ({ server = {} }) => sumOf(server),
  database: ({ database = {} }) => sumOf(database),
  all: (us) => Object.values(us).reduce((sum, each) => sum + sumOf(each), 0),
};

export function formatCpu(all: readonly Turns[]): string {
  const head = [`CPU us of a RCPT, with ${SESSIONS.join(' / ')} sessions`, ...Object.keys(COLUMNS)];
  const rows = rowsOf(all).map((row) => {
    const cells = Object.values(COLUMNS).map((column) => {
      const values = row.map(({ reports }) => median(reports.map(({ cpuUs }) => column(cpuUs))));
      return values.every((us) => us < 0.5) ? '' : values.map((us) => String(Math.round(us))).join(' / ');
    });
    return [labelOf(row)].concat(cells);
  });
  return formatMarkdown(head, rows);
}

/** The turns of each kind, by the number of sessions. */
function rowsOf(all: readonly Turns[]): Turns[][] {
  const kinds = [...new Set(all.map(({ kind }) => kind))];
  return kinds.map((kind) => all.filter((turns) => turns.kind === kind));
}

function labelOf([first]: readonly Turns[]): string {
  const { name = '', build } = first?.kind ?? {};
  return build === undefined || build.name === 'this build' ? name : `${name} (${build.name})`;
}

function ratesOf(turns: Turns | undefined): number[] {
  return turns?.reports.map(({ perSecond }) => perSecond) ?? [];
}

function sumOf(programs: Readonly<Record<string, number>>): number {
  return Object.values(programs).reduce((sum, us) => sum + us, 0);
}
