import type { Answer, Question } from '../../../vocabulary.ts';
import { queryNameOf, wordsOf } from '../../asked.ts';
import { lookupEach } from '../../each.ts';
import { type Canary, canariesOf, nameOf } from '../../guard/canary.ts';
import { otherSpelling } from '../../guard/spellings.ts';
import { confirm } from '../../proof.ts';
import { type Bulk, ClosedError, failureAt, QuestionError, StoreError } from '../../store.ts';
import { type LdapBind, openConnection } from './connection.ts';
import type { LdapConfig } from './keys.ts';
import { encodeSearch } from './message.ts';
import { answerTo, requestOf } from './search.ts';
import { parseLdapUrl } from './url.ts';
import type { Result, Wire } from './wire.ts';

/** The options of one server. Each of the `connections` carries many questions at a time. */
export interface LdapOptions extends Pick<
  LdapConfig,
  'base' | 'connections' | 'domainScope' | 'searches' | 'startTls' | 'timeoutMs' | 'tls'
> {
  readonly url: string;
  readonly bind: LdapBind;
  /** False for a replica, which may lag: its absences do not count. */
  readonly certain: boolean;
  /** What must be found, and not only as the account that smmap itself uses. Each absence is asked again behind it. */
  readonly canaries: ReadonlyMap<string, readonly Canary[]>;
}

/**
 * Answers from one directory server. It connects for the first question, and binds each connection before it searches.
 */
export function createLdap(options: LdapOptions): Bulk {
  const { bind } = options;
  const canaries = new Set([...options.canaries.values()].flat().map(({ present }) => wordsOf(present)));
  const needed = canariesOf(options.canaries);
  const slots: Slot[] = Array.from({ length: options.connections }, () => ({ opening: null, wire: null, users: 0 }));
  let closed = false;

  const open = async (slot: Slot): Promise<Wire> => {
    const place = parseLdapUrl(options.url);
    if ('flaw' in place) throw new StoreError(`${options.url} ${place.flaw}`);
    const wire = await openConnection({ ...options, place });
    if (closed) {
      const error = new ClosedError();
      wire.destroy(error);
      throw error;
    }
    slot.wire = wire;
    return wire;
  };
  const wireOf = async (slot: Slot): Promise<Wire> => {
    if (slot.wire !== null && !slot.wire.lost()) return slot.wire;
    slot.opening ??= open(slot).finally(() => (slot.opening = null));
    return await slot.opening;
  };
  const lookup = async (question: Question, wire: Wire): Promise<Answer> => {
    const request = requestOf(question, options);
    if (request === null) {
      const name = queryNameOf(question);
      throw new QuestionError(`the store has no search for ${name}: add one, ${name} = { filter = "..." }`);
    }
    try {
      const result = await wire.request('search', encodeSearch(request));
      if (bind.kind === 'simple' && canaries.has(wordsOf(question))) refuseOwn(bind.dn, result);
      return answerTo(question, result, options);
    } catch (cause) {
      throw failureAt(options.url, cause);
    }
  };
  /** All on one connection: behind one address there may be several servers, and only one of them has lost its data. */
  const lookupAll = async (questions: readonly Question[]): Promise<readonly (Answer | StoreError)[]> => {
    const slot = slots.reduce((least, each) => (each.users < least.users ? each : least));
    slot.users++;
    try {
      const wire = await wireOf(slot).catch((cause: unknown) => {
        throw failureAt(options.url, cause);
      });
      const ask = (some: readonly Question[]) => lookupEach(some, (question) => lookup(question, wire));
      const proving = { ask, anyOrder: true, canariesOf: needed, otherSpelling, nameOf };
      return await confirm(questions, await ask(questions), proving);
    } finally {
      slot.users--;
    }
  };

  return {
    lookupAll,
    atomic: false,
    close() {
      closed = true;
      for (const { wire } of slots) wire?.destroy(new ClosedError());
    },
  };
}

/** Some servers show an account itself although it lacks the right to see others. Such an entry is no canary. */
function refuseOwn(bindDn: string, { entries }: Result): void {
  const plainOf = (dn: string): string => dn.toLowerCase().replaceAll(/\s*([,=])\s*/g, '$1');
  if (entries.length === 0 || entries.some(({ dn }) => plainOf(dn) !== plainOf(bindDn))) return;
  throw new QuestionError(
    'the canary is the account of smmap itself, which a server may show although it hides all others: ' +
      'choose another person as the canary',
  );
}

interface Slot {
  opening: Promise<Wire> | null;
  wire: Wire | null;
  /** The number of batches that wait for the connection or for an answer. */
  users: number;
}
