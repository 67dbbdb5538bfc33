import { messageOf } from '../../message.ts';
import type { Reply, Request } from '../../vocabulary.ts';
import type { Log, Logger, MapFacts } from '../log.ts';
import { createTally } from '../tally.ts';

/** What a map in shadow says, and what the client gets. */
export interface InShadow {
  readonly would: Reply;
  /** Why its lookup failed. Null if it did not. */
  readonly cause: unknown;
  readonly reply: Reply;
  /** Whether a mail server would do the same for both. */
  readonly isSame: boolean;
}

/** The fields of a line about a reply. */
export type LineOf = (
  event: string,
  request: Request,
  reply: Reply['kind'],
  map: MapFacts,
  would?: Reply['kind'],
) => object;

/** The events of maps in shadow. */
export function createShadowLog(
  logger: Logger,
  lineOf: LineOf,
  reasonOf: (cause: unknown, key?: string | null) => string,
): Pick<Log, 'shadowed' | 'acceptedHere' | 'shadowUnwritable' | 'flush'> {
  const deferred = createTally<{ line: object; cause: string }>(({ line, cause }, count, mixed) => {
    const event = { event: 'would_defer', count, ...(mixed && { mixed }), ...line, cause };
    const times = count === 1 ? '' : ` ${count} times`;
    logger.warn(event, `in shadow: would be deferred${times}: ${cause}${mixed ? ', and other causes' : ''}`);
  });
  return {
    shadowed(request, { would, cause, reply, isSame }, map) {
      if (isSame) return;
      if (would.kind === 'TEMP' || would.kind === 'TIMEOUT') {
        const reason = reasonOf(cause ?? would.reason, request.key);
        deferred.add(reason, { line: lineOf('would_defer', request, reply.kind, map, 'TEMP'), cause: reason });
      } else if (would.kind === 'PERM' || (would.kind === 'NOTFOUND' && map.refuses)) {
        logger.info(lineOf('would_refuse', request, reply.kind, map, would.kind), 'in shadow: would be refused');
      } else {
        const what = `${would.kind}${reply.kind === would.kind ? ' with another value' : ''}`;
        logger.info(lineOf('would_differ', request, reply.kind, map, would.kind), `in shadow: would be ${what}`);
      }
    },
    acceptedHere: (request, reason, map) =>
      deferred.add(reason, { line: lineOf('would_defer', request, 'OK', map, 'TEMP'), cause: reason }),
    shadowUnwritable(file, cause) {
      const reason = messageOf(cause); // of the file system
      const text = `what the maps in shadow say is not kept: ${reason}; let the user of the daemon write ${file}, and free space on its disk`;
      logger.error({ event: 'shadow_unwritable', file, cause: reason }, text);
    },
    flush: () => deferred.flush(),
  };
}
