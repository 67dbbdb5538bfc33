import { writeFile } from 'node:fs/promises';
import { findRedis } from '../../test/support/redis.ts';
import { startRelay } from '../relay.ts';
import { emptyFault, passwordFault, processFaults, wayFaults } from '../target.ts';
import type { Open } from './open.ts';

const PASSWORD = 'reader-secret';
const PUT = `for at, address in ipairs(ARGV) do
  if at <= tonumber(KEYS[2]) then redis.call('sadd', KEYS[1], address) else redis.call('srem', KEYS[1], address) end
end`;

/** Redis with an account for smmap. It writes each change to its file, so that it has it again after a kill. */
export const openRedis: Open = async ({ parts, folder, name }) => {
  const found = await findRedis(parts);
  if ('missing' in found) return found;
  const account = ['--user', 'smmap', 'on', `>${PASSWORD}`, '~*', '&*', '+@all'];
  const server = await found.start({ settings: ['--appendonly', 'yes', '--appendfsync', 'always', ...account] });
  const relay = await startRelay(server.port);
  const password = `${folder}/${name}.password`;
  await writeFile(password, PASSWORD);
  const run = async (command: string, ...words: readonly string[]): Promise<void> =>
    void (await server.cli(command, ...words));
  return {
    name,
    cached: true,
    okMs: 0,
    restMs: [50, 500],
    lines: [
      'driver = "redis"',
      `url = "redis://127.0.0.1:${relay.port}"`,
      'username = "smmap"',
      `password_file = "${password}"`,
      'mailbox = { set = "mailboxes", member = "{address}" }',
    ],
    put: (added, removed) => run('eval', PUT, '2', 'mailboxes', String(added.length), ...added, ...removed),
    faults: {
      ...processFaults({ ...server, restart: () => server.restart() }),
      ...wayFaults(relay),
      ...passwordFault(password, PASSWORD, relay),
      ...emptyFault(
        () => run('rename', 'mailboxes', 'saved'),
        () => run('rename', 'saved', 'mailboxes'),
      ),
    },
    async stop() {
      relay.stop();
      await server.stop();
    },
  };
};
