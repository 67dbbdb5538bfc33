import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startHttpd } from '../../test/support/httpd.ts';
import { startRelay } from '../relay.ts';
import { type Fault, emptyFault, processFaults, wayFaults } from '../target.ts';
import type { Open } from './open.ts';

/** An application that answers in JSON. */
export const openHttp: Open = async ({ root, name }) => {
  const script = pathToFileURL(join(root, 'test/support/httpd.mjs'));
  const server = await startHttpd(null, script.href);
  const relay = await startRelay(Number(new URL(server.origin).port));
  const has = new Set<string>();
  const load = (all: Iterable<string>): Promise<void> =>
    server.load(
      'mail',
      Array.from(all, (address) => ({ question: 'mailbox', match: { address }, fields: { address } })),
    );
  /** Whoever writes waits for its answer, and would wait for ever for that of a process that was killed. */
  const alone = (fault: Fault): Fault => ({ ...fault, alone: true });
  const become = (mode: string): Fault => ({
    holdMs: [200, 2_000],
    alone: true,
    async begin() {
      await server.become(mode);
      return () => server.become('well');
    },
  });
  const { kill, hang } = processFaults({ ...server, restart: () => server.start() });
  return {
    name,
    cached: true,
    okMs: 0,
    restMs: [50, 500],
    lines: ['driver = "http"', `mailbox = "http://127.0.0.1:${relay.port}/mail/mailbox?address=:address"`],
    put(added, removed) {
      for (const each of added) has.add(each);
      for (const each of removed) has.delete(each);
      return load(has);
    },
    faults: {
      kill: alone(kill as Fault),
      hang: alone(hang as Fault),
      ...wayFaults(relay),
      ...emptyFault(
        () => load([]),
        () => load(has),
      ),
      error: become('500'),
      halves: become('cut'),
    },
    async stop() {
      relay.stop();
      await server.stop();
    },
  };
};
