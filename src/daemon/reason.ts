import { UncertainError, UnknownMapError } from '../map/map.ts';
import { LoopError } from '../map/search.ts';
import type { Reason } from '../observe/counts.ts';
import { ConnectionError, ProtocolError, TimeoutError } from '../socket/client.ts';
import { CanaryError } from '../store/guard/canary.ts';
import { EmptyStoreError, QuestionError, StoreError, stemsFrom } from '../store/store.ts';
import type { Reply } from '../vocabulary.ts';
import { SuccessorError } from './successor.ts';

/** Why a reply is not OK. `cause` is what was thrown; null if a map replied so itself. */
export function reasonOf(reply: Exclude<Reply, { kind: 'OK' }>, cause: unknown): Reason {
  if (reply.why !== undefined) return reply.why;
  if (reply.kind === 'NOTFOUND') return 'absent';
  if (cause === null) return 'reply_too_long'; // the only TEMP that has neither
  if (cause instanceof UnknownMapError) return 'unknown_map';
  if (cause instanceof LoopError) return 'loop';
  if (cause instanceof UncertainError) return 'uncertain';
  if (stemsFrom(cause, CanaryError)) return 'canary_failed';
  if (stemsFrom(cause, EmptyStoreError)) return 'never_filled';
  if (cause instanceof QuestionError) return 'question_failed';
  if (cause instanceof StoreError) return 'store_failed';
  return SUCCESSOR_ERRORS.some((kind) => cause instanceof kind) ? 'successor' : 'bug';
}

const SUCCESSOR_ERRORS = [SuccessorError, ConnectionError, ProtocolError, TimeoutError] as const;
