import { join } from 'node:path';
import { connectTo } from './client.ts';
import { cli, makeFolder, serve } from './daemon.ts';

/** A map of each kind that the database of a mail system can answer. */
export const MAPS = `
  [map.mailbox]
  [map.virtual]
  kind = "alias"
  [map.domains]
  kind = "domain"`;

/** A daemon that answers by maps of each kind over one store, and what it says of keys. */
export async function serveOver(store: string, maps = MAPS) {
  const folder = await makeFolder();
  const config = `listen.mta.path = "${join(folder, 'smmap.sock')}"\n[store.people]\n${store}\n${maps}`;
  const daemon = await serve({ folder, config });
  const client = await connectTo(daemon.socket);
  const control = ['--control', `unix:${daemon.socket}.control`];
  return {
    daemon,
    ask: (key: string, map = 'mailbox'): Promise<string> => client.ask(map, key),
    smmap: (...args: string[]) => cli([...args, ...control]),
  };
}
