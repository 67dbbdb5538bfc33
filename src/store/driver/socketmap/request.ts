import { formatRequest } from '../../../protocol/request.ts';
import { NOBODY, type Question } from '../../../vocabulary.ts';
import { type QueryName, queryNameOf, valueOf } from '../../asked.ts';
import { QuestionError } from '../../store.ts';

/** The map that each query asks. A query without a map is not asked. */
export type MapNames = { readonly [name in QueryName]?: string };

/** The map of this name, for a key, is the table itself. */
export const TABLE = ':table';

const LONGEST_PAYLOAD = 1_000; // bytes; smmapd answers 4,096 and more without end
const SEPARATOR = '+'; // Cyrus has no other one

/**
 * The payload that asks a question, on one line without a NUL. Null if the entry cannot exist. Throws QuestionError if
 * the protocol cannot say what is asked.
 */
export function payloadFor(question: Question, maps: MapNames): string | null {
  const name = queryNameOf(question);
  const map = maps[name];
  if (map === undefined) throw new QuestionError(`the store has no map for ${name}: add one, ${name} = "MAP"`);
  if (question.about === 'mailbox' && question.folder === '') return null; // no folder has this name; `fred+` is fred
  const key = keyFor(question);
  if (/[\0\r\n]/.test(key)) {
    if (question.about !== 'key') return null; // no address and no domain has one (RFC 5321)
    throw new QuestionError('a key with a line break or a NUL cannot be asked');
  }
  const payload = formatRequest(map === TABLE && question.about === 'key' ? question.table : map, key);
  if (Buffer.byteLength(payload) > LONGEST_PAYLOAD) {
    throw new QuestionError(
      `a request of over ${LONGEST_PAYLOAD} bytes is not sent: Cyrus would answer it without end`,
    );
  }
  return payload;
}

/** A key as mail servers send it: an address has no quotes. */
function keyFor(question: Question): string {
  if (question.about === 'domain' || question.about === 'key') return valueOf(question, question.about);
  const { local, domain } = question;
  if (/^["@]./s.test(local)) throw new QuestionError('a local part that begins with a quote or an @ cannot be asked');
  if (question.about === 'alias' || question.folder === null) return `${local}@${domain}`;
  if (local !== NOBODY && local.includes(SEPARATOR)) {
    throw new QuestionError(`a folder of a mailbox with a ${SEPARATOR} in its name cannot be asked`);
  }
  return `${local}${SEPARATOR}${question.folder}@${domain}`;
}
