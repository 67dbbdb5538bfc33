import { formatAddress } from '../../../address/address.ts';
import { NOBODY, type MailboxQuestion } from '../../../vocabulary.ts';
import { QuestionError, StoreError, UnstorableError } from '../../store.ts';

const LONGEST_PATH = 254; // octets between < and >, RFC 5321 section 4.5.3.1.3
const UNWRITABLE = /[\0-\x1f\x7f]/; // RFC 5321 section 4.1.2: not even in quotes
const NON_ASCII = /[^\0-\x7f]/;

/**
 * The address of a mailbox as it stands in RCPT TO, with quotes if its local part needs them. Null if no address is
 * like that, so no server has such a mailbox. Throws QuestionError if the server cannot be asked for it.
 */
export function pathOf({ local, domain }: Pick<MailboxQuestion, 'local' | 'domain'>, utf8: boolean): string | null {
  if (local === NOBODY || UNWRITABLE.test(local)) return null;
  const size = Buffer.byteLength(local) + Buffer.byteLength(domain) + 1;
  if (size > LONGEST_PATH) {
    throw new QuestionError(`the address has ${size} bytes; at most ${LONGEST_PATH} can be asked for`);
  }
  const path = formatAddress(local, domain);
  if (NON_ASCII.test(path) && !utf8) {
    throw new UnstorableError('the server does not offer SMTPUTF8, so it cannot be asked for characters beyond ASCII');
  }
  return path;
}

/** MAIL with the null sender, for a transaction with such a recipient. */
export function mailFor(path: string): string {
  return NON_ASCII.test(path) ? 'MAIL FROM:<> SMTPUTF8' : 'MAIL FROM:<>';
}

/** The same, with the failure of a question in the place of its path. */
export function pathOrFailure(question: MailboxQuestion, utf8: boolean): string | null | StoreError {
  try {
    return pathOf(question, utf8);
  } catch (cause) {
    if (cause instanceof StoreError) return cause;
    throw cause;
  }
}
