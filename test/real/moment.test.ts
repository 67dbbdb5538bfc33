import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo } from './client.ts';
import { MAIN, makeFolder, serve } from './daemon.ts';

const ASKED_FOR_MS = 3_000;
const PIPELINED = 50;

/** Makes fred an alias, then a mailbox, and so on, each change in one transaction: he is there at every moment. */
const WRITER = `
  import { openRecords } from '${join(MAIN, '../store/driver/embedded/records.js')}';
  import { createEmpty } from '${join(MAIN, '../store/driver/embedded/whole.js')}';
  const fred = { local: 'fred', domain: 'example.org' };
  const mailbox = { about: 'mailbox', ...fred, state: 'active', value: '', folders: [] };
  const alias = { about: 'alias', ...fred, targets: ['joe@elsewhere.test'] };
  await createEmpty(process.argv[1]);
  const records = openRecords(process.argv[1], 'write');
  let flips = 0;
  const flip = () => {
    const [gone, come] = flips % 2 === 0 ? [mailbox, alias] : [alias, mailbox];
    records.write((writer) => {
      writer.remove(gone);
      return writer.put(come);
    });
    if (flips++ === 0) console.log('begun');
    setImmediate(flip);
  };
  process.on('SIGTERM', () => {
    console.log(flips);
    process.exit(0);
  });
  records.write((writer) => {
    writer.declare('mailbox', '');
    writer.declare('alias', '');
    return true;
  });
  flip();
`;

test('an address that changes between alias and mailbox is never refused', async () => {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  const maps = '[map.mailbox]\naliases = true\n[map.folder]\naliases = true\ndetail = { policy = "folder-or-inbox" }\n';
  const { socket } = await serve({
    folder,
    config: `store.local = { driver = "embedded", path = "${store}" }\nlisten.mta.path = "${join(folder, 's')}"\n${maps}`,
  });
  const flips = await startWriter(store);

  const counts = new Map<string, number>();
  const endsAt = performance.now() + ASKED_FOR_MS;
  const ask = async (map: string, key: string): Promise<void> => {
    const client = await connectTo(socket);
    while (performance.now() < endsAt) {
      const replies = await Promise.all(Array.from({ length: PIPELINED }, () => client.ask(map, key)));
      for (const reply of replies) {
        const [kind] = reply.split(' ') as [string];
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
    }
    client.close();
  };
  await Promise.all([
    ask('mailbox', 'fred@example.org'),
    ask('mailbox', 'fred@example.org'),
    ask('mailbox', 'fred+x@example.org'),
    ask('folder', 'fred+x@example.org'),
  ]);
  const times = await flips();
  console.log(counts, times);
  expect(counts.get('NOTFOUND') ?? 0, `after ${times} changes`).toBe(0);
  expect(times).toBeGreaterThan(10);
  expect(counts.get('OK')).toBeGreaterThan(100);
  expect(counts.get('TEMP') ?? 0).toBeLessThan((counts.get('OK') as number) / 100);
});

/** Resolves once it writes; what it gives back ends it, and resolves to the number of its changes. */
async function startWriter(store: string): Promise<() => Promise<number>> {
  const writer = spawn(process.execPath, ['--input-type=module', '-e', WRITER, store], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void writer.kill('SIGKILL'));
  const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('begun');
  return async () => {
    writer.kill('SIGTERM');
    return Number((await lines.next()).value);
  };
}
