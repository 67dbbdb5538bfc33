import type { ServerStatus, Status } from '../../store/status.ts';
import type { State } from './sparkline.ts';

/** How a store or a server is, for a drawing and in words. */
export interface Judged {
  readonly state: State;
  readonly words: string;
}

/** How a store is now: its servers; or, if it has none, its newest question. */
export function judgeStore({ servers, counts }: Status): Judged {
  if (servers.length === 0) return judgeServerless(counts);
  const all = servers.map(judgeServer);
  const well = all.filter(({ state }) => state === 'well').length;
  const [first] = all;
  if (first !== undefined && all.every(({ words }) => words === first.words)) return first;
  if (well === 0) return { state: 'failed', words: 'no server answers' };
  return { state: 'partly', words: `${well} of ${all.length} answer` };
}

/** How a server of a store is now. */
export function judgeServer({ isUp, isTrusted, outages }: ServerStatus): Judged {
  if (!isUp) return outages === 0 ? UNASKED : { state: 'failed', words: 'unavailable' };
  return isTrusted ? WELL : { state: 'failed', words: 'canary fails' };
}

function judgeServerless({ failing, answeredAt }: Status['counts']): Judged {
  if (failing !== null) return { state: 'failed', words: 'fails' };
  return answeredAt === null ? UNASKED : WELL;
}

const WELL: Judged = { state: 'well', words: 'answers' };
const UNASKED: Judged = { state: 'unknown', words: 'not asked yet' };
