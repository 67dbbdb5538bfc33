import { formatEndpoint } from '../../../endpoint.ts';
import {
  type Context,
  complain,
  optional,
  parsedBy,
  type Read,
  section,
  text,
  wholeNumber,
  z,
} from '../../../toml/type.ts';
import { tableName } from '../../../toml/value.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { endpoints } from '../../server.ts';
import { advice } from './advice.ts';
import type { MapNames } from './request.ts';
import { NO_VERDICT } from './verdict.ts';

/** The keys of a store that is another socket map server. */

const mapName = optional(parsedBy('the name of a map, such as "mailbox"', tableName));

const keys = section({
  server: endpoints,
  ...forEachQuery(mapName),
  disabled: z.array(text('the text of a PERM reply, such as "Permission denied"')).default([]),
  ...serverKeys,
  batch: wholeNumber(1, 1_000, 10, 'questions'),
  connections: wholeNumber(1, 100, 4, 'connections'),
}).transform((raw, context) => {
  complainOfVerdicts(raw.disabled, context);
  return { ...raw, maps: mapsOf(raw) };
});

/** The configuration of such a store. */
export type SocketmapConfig = Read<typeof keys>;

/** The driver for socket map servers: smmapd of Cyrus, another smmap, and others. */
export const socketmap: Driver<SocketmapConfig> = {
  package: null,
  keys,
  answers: ({ maps }, question) => maps[queryNameOf(question)] !== undefined,
  canary: () => 'needed', // smmapd makes a new list if its own is gone, and says NOTFOUND for everybody
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createSocketmap } = await import('./driver.ts');
    const servers = config.server.map((endpoint) => {
      return {
        name: formatEndpoint(endpoint),
        bulk: createSocketmap(endpoint, { ...config, canaries: config.canary }),
      };
    });
    return { servers, guards: config, proves: true };
  },
};

/** The maps that are asked. Without any it is smmapd, which has mailboxes and folders, and takes any name for a map. */
function mapsOf(raw: { readonly [name in QueryName]: string | null }): MapNames {
  const given = QUERIES.flatMap((name) => (raw[name] === null ? [] : [[name, raw[name]] as const]));
  return given.length === 0 ? { mailbox: 'cyrus', folder: 'cyrus' } : Object.fromEntries(given);
}

function complainOfVerdicts(disabled: readonly string[], context: Context): void {
  const wrong = disabled.find((each) => NO_VERDICT.test(each));
  if (wrong === undefined) return;
  const remedy = 'remove it: Cyrus says so of mailboxes that exist';
  complain(context, [{ key: 'disabled', reason: `has "${wrong}", which says nothing about a mailbox`, remedy }]);
}
