import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askOnce } from './client.ts';
import { makeFolder, serve } from './daemon.ts';

test('the log has the replies that a connection makes itself, and no reply as accepted that was not sent', async () => {
  const folder = await makeFolder();
  const daemon = await serve({
    folder,
    config: `
      log.level = "debug"
      limits.reply_bytes = 100
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      [store.fixed]
      driver = "memory"
      mailboxes = ["fred@example.org"]`,
  });
  expect(await askOnce(daemon.socket, 'm', `fred+${'x'.repeat(100)}@example.org`)).toBe('TEMP reply too long');
  const socket = connect(daemon.socket);
  socket.end('3:abc,nonsense').resume();
  await new Promise((resolve) => socket.once('close', resolve));
  await daemon.logged('deferred', (line) => line['cause'] === 'framing error');
  const told = daemon.log.filter(({ event }) => event === 'deferred' || event === 'accepted');
  expect(told.map(({ event, cause }) => [event, cause])).toEqual([
    ['deferred', 'reply too long'],
    ['deferred', 'malformed request'],
    ['deferred', 'framing error'],
  ]);
});
