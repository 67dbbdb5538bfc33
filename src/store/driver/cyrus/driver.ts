import { formatEndpoint } from '../../../endpoint.ts';
import type { Brake } from '../../brake.ts';
import type { DriverEvents, Server } from '../../driver.ts';
import type { Bulk } from '../../store.ts';
import type { CyrusConfig } from './keys.ts';
import { createLive } from './live.ts';
import { asSharedFolder } from './shared.ts';
import { openSnapshot } from './snapshot.ts';

/** What is needed of the configuration. */
export type CyrusOptions = Pick<
  CyrusConfig,
  'canary' | 'server' | 'snapshot' | 'defaultDomain' | 'separator' | 'postuser' | 'timeoutMs'
>;

/**
 * A Cyrus as servers with the same data: its smmapd, and last the list, which is asked only if no smmapd is certain. The
 * list is like a replica that lags: what it has counts, what it lacks does not.
 */
export function openCyrus(
  config: CyrusOptions,
  events: DriverEvents,
): { readonly servers: readonly Server[]; readonly brake: Brake } {
  const snapshot = openSnapshot(config, events);
  const asked = (bulk: Bulk): Bulk => ({
    lookupAll: (questions) => bulk.lookupAll(questions.map((question) => asSharedFolder(question, config.postuser))),
    atomic: bulk.atomic,
    close: () => bulk.close(),
  });
  const live = config.server.map((endpoint) => {
    return { name: formatEndpoint(endpoint), bulk: asked(createLive(endpoint, config, snapshot.serverOf)) };
  });
  return { servers: [...live, { name: config.snapshot, bulk: asked(snapshot.bulk) }], brake: snapshot.brake };
}
