import { startUserServer } from '../../test/support/dovecot-users.ts';
import { findDovecot } from '../../test/support/dovecot.ts';
import { startRelay } from '../relay.ts';
import { type Fault, emptyFault, processFaults, wayFaults } from '../target.ts';
import type { Open } from './open.ts';

/** Dovecot, whose users are in SQLite. */
export const openDovecot: Open = async ({ parts, name }) => {
  const found = await findDovecot(parts);
  if ('missing' in found) return found;
  const users = await startUserServer(found);
  const { dovecot } = users;
  const relay = await startRelay(dovecot.authPort);
  const has = new Set<string>();
  const { kill, hang } = processFaults({ ...dovecot, restart: () => dovecot.start() });
  return {
    name,
    cached: false,
    okMs: 0,
    restMs: [200, 1_000],
    lines: ['driver = "dovecot"', `server = "tcp:127.0.0.1:${relay.port}"`],
    async put(added, removed) {
      for (const each of added) has.add(each);
      for (const each of removed) has.delete(each);
      users.hold([...has]);
    },
    faults: {
      kill: kill as Fault,
      hang: { ...(hang as Fault), alone: true }, // a stopped process may hold a lock of SQLite
      ...wayFaults(relay),
      ...emptyFault(
        () => users.hold([]),
        () => users.hold([...has]),
      ),
    },
    async stop() {
      relay.stop();
      await users.stop();
    },
  };
};
