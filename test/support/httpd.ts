import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { StoredRecord } from '../../src/record/record.ts';
import { freePort } from './port.ts';

export interface HttpRow {
  readonly question: string;
  /** The parameters that find it, in any case. */
  readonly match: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Httpd {
  /** `http://127.0.0.1:PORT`; the same after a restart. */
  readonly origin: string;
  load(store: string, rows: readonly HttpRow[]): Promise<void>;
  /** Makes each answer a status 500, or cut, or another lie that its script knows; or all well again. */
  become(mode: string): Promise<void>;
  kill(): Promise<void>;
  hang(): void;
  resume(): void;
  /** Starts it if it does not run, with the same rows as before. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a script in a process of its own, on a loopback port or on the path of a Unix socket. */
export async function startHttpd(path: string | null = null, file = 'httpd.mjs'): Promise<Httpd> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const loaded = new Map<string, readonly HttpRow[]>();
  let child: ChildProcess | null = null;
  const port = await freePort(); // one that nobody else gets while it is dead
  const tell = async (message: object): Promise<void> => {
    if (child === null) return;
    child.send(message);
    await once(child, 'message');
  };
  const start = async (): Promise<void> => {
    if (child !== null) return void child.kill('SIGCONT');
    const started = fork(script, { execArgv: ['--max-http-header-size=262144'] });
    child = started;
    started.on('exit', () => {
      if (child === started) child = null;
    });
    for (const [store, rows] of loaded) await tell({ store, rows });
    // Last, so that nobody is told of an absence by a server that does not have its rows yet.
    await tell({ listen: path === null ? [port, '127.0.0.1'] : [path] });
  };
  const kill = async (): Promise<void> => {
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    origin: `http://127.0.0.1:${port}`,
    async load(store, rows) {
      loaded.set(store, rows);
      await tell({ store, rows });
    },
    become: (mode) => tell({ mode }),
    kill,
    hang: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    start,
    stop: kill,
  };
}

/** Records as rows, for whichever question finds them. */
export function rowsOfRecords(records: readonly StoredRecord[]): readonly HttpRow[] {
  const classes = new Map<string, string>();
  for (const record of records) if (record.about === 'domain') classes.set(record.domain, record.class);
  for (const record of records) {
    if (record.about === 'mailbox' && classes.get(record.domain) !== 'relay') classes.set(record.domain, 'mailbox');
  }
  const rows = records.flatMap((record): readonly HttpRow[] => {
    switch (record.about) {
      case 'mailbox': {
        const { local, domain, state, value, folders } = record;
        const address = `${local}@${domain}`;
        const fields = { local, domain, state, value };
        return [
          { question: 'mailbox', match: { address }, fields },
          ...folders.map((folder) => ({ question: 'folder', match: { address }, fields: { ...fields, folder } })),
        ];
      }
      case 'alias': {
        const address = `${record.local}@${record.domain}`;
        return record.targets.map((value) => ({ question: 'alias', match: { address }, fields: { address, value } }));
      }
      case 'key': {
        const { table, key, value } = record;
        return [{ question: 'key', match: { table, key }, fields: { key, value } }];
      }
      case 'domain':
        return [];
    }
  });
  const domains = [...classes].map(([domain, value]) => ({
    question: 'domain',
    match: { domain },
    fields: { domain, value },
  }));
  return [...rows, ...domains];
}
