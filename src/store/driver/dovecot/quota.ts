import type { Endpoint } from '../../../endpoint.ts';
import { saying } from '../../../message.ts';
import type { State } from '../../../vocabulary.ts';
import { dial } from '../../dial.ts';
import type { Session } from '../../sessions.ts';
import { QuestionError, StoreError } from '../../store.ts';
import { createLines, type Lines } from './lines.ts';

/** A connection to quota-status. */
export interface QuotaSession extends Session {
  /** Asks whether the mailboxes have room, all in one write. The states are in the order of the addresses. */
  ask(addresses: readonly string[]): Promise<readonly (State | StoreError)[]>;
}

/** Connects to quota-status, which speaks the policy protocol of Postfix (SMTPD_POLICY_README). */
export async function openQuota(endpoint: Endpoint, timeoutMs: number): Promise<QuotaSession> {
  return createQuota(await dial(timeoutMs, async ({ open }) => createLines(await open(endpoint))));
}

/** The session on a connection. */
export function createQuota(lines: Lines): QuotaSession {
  return {
    async ask(addresses) {
      const requests = addresses.map(
        (address) => `request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=${address}\n\n`,
      );
      const states: (State | StoreError)[] = [];
      let hasAction = false;
      await lines.exchange(requests.join(''), (line) => {
        if (hasAction !== (line === '') || (line !== '' && !line.startsWith('action=')))
          throw new StoreError(saying`it does not speak the policy protocol, but sent ${line.slice(0, 100)}`);
        if (line !== '') states.push(stateOf(line.slice('action='.length)));
        hasAction = line !== '';
        return !hasAction && states.length === addresses.length;
      });
      return states;
    },
    ended: () => lines.ended(),
    close: () => lines.close(),
  };
}

const HAS_ROOM = /^(?:OK|DUNNO)(?: |$)/i;
const IS_FULL = /^(?:[45]\d\d|REJECT|DEFER(?:_IF_(?:PERMIT|REJECT))?) [45]\.2\.2(?: |$)/i; // RFC 3463: mailbox full

/**
 * The state that an action means, by its first word and its code. Its text is different in each version of Dovecot.
 * Everything else, such as the REJECT for an unknown user, says nothing certain about a mailbox that exists.
 */
export function stateOf(action: string): State | StoreError {
  if (HAS_ROOM.test(action)) return 'active';
  if (IS_FULL.test(action)) return 'overquota';
  return new QuestionError(saying`quota-status answers ${action.slice(0, 100)}, so its quota is not known`);
}
