import { andThen } from '../maybe.ts';
import { messageOf } from '../message.ts';
import type { Maybe, Reply } from '../vocabulary.ts';
import type { Value } from './kind.ts';
import { type Handler, type Outcome, type Shadow, outcomeOf } from './map.ts';

const ANY_VALUE = 'OK'; // if the usual value cannot be sent

/** The OK that a client gets although the map did not say so. */
export function acceptance(value: Value, key: string | null, sendable: (reply: Reply) => Reply): Reply {
  const made = sendable({ kind: 'OK', value: value(key) });
  return made.kind === 'OK' ? made : { kind: 'OK', value: ANY_VALUE };
}

/** Replies OK whatever the map says: it refuses nobody and defers nobody. An OK of the map stays as it is. */
export function acceptAll(value: Value): Shadow {
  return (own, asking) =>
    andThen(outcomeOf(own, asking), (would) => {
      const { key, sendable, trace, told } = asking;
      const reply = would.reply.kind === 'OK' ? would.reply : acceptance(value, key, sendable);
      trace?.note('shadow', `the map says ${wordsOf(would)}; the reply is OK`, 'shadow');
      told(would, reply);
      return { reply, cause: null };
    });
}

/**
 * Replies what `other` replies, also its refusals and failures. The map itself is asked after it, only to compare: the
 * reply does not wait for it.
 */
export function answeredBy(name: string, other: Handler): Shadow {
  return (own, asking) => {
    const theirs = outcomeOf(other, asking);
    const ours = outcomeOf(own, { ...asking, trace: undefined });
    const compare = (would: Outcome, { reply }: Outcome): void => {
      const { trace, told } = asking;
      trace?.note('shadow', `[map.${name}] replies; this map says ${wordsOf(would)}`, 'shadow');
      told(would, reply);
    };
    const compared = andThen(ours, (would) => andThen(theirs, (outcome) => compare(would, outcome)));
    // Only `smmap explain` waits for both, since it prints what the map says.
    return asking.trace === undefined ? theirs : andThen(compared, (): Maybe<Outcome> => theirs);
  };
}

/** Whether two replies make a mail server do the same. `isSame` compares what follows OK. */
export function isSameReply(one: Reply, other: Reply, isSame: (one: string, other: string) => boolean): boolean {
  return one.kind === 'OK' && other.kind === 'OK' ? isSame(one.value, other.value) : one.kind === other.kind;
}

/** What a map says, in words: `NOTFOUND (disabled)`, `TEMP (the server is down)`. */
function wordsOf({ reply, cause }: Outcome): string {
  if (reply.kind === 'OK') return reply.kind;
  if (reply.kind === 'NOTFOUND') return `NOTFOUND (${reply.why ?? 'absent'})`;
  return `${reply.kind} (${cause === null ? reply.reason : messageOf(cause)})`;
}
