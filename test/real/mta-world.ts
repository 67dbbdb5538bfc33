// What the mail servers of a test ask: a filled store, the built daemon over it, and what `smmap mta` writes for it.

import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { askOnce } from './client.ts';
import { type Daemon, cli, startDaemon } from './daemon.ts';
import { type Lmtp, startLmtp } from './lmtp.ts';
import { HOST, type Setting, releaseOf } from './mta.ts';

const DOMAIN = 'example.org';
const VIRTUAL = 'virt.example';
const ALIAS_DOMAIN = 'caught.example';

/** Recipients of one mail, more than Exim's rule against bad recipients allows. */
export const FIFTEEN: readonly string[] = Array.from({ length: 15 }, (_, at) => `many${at + 1}@${DOMAIN}`);

const RECORDS = {
  mailbox: [DOMAIN, VIRTUAL]
    .flatMap((domain) => [
      `user1@${domain} folder=abc`,
      `"quo ted"@${domain}`,
      `jörg@${domain}`,
      `full@${domain} state=overquota`,
      `off@${domain} state=disabled`,
    ])
    .concat(FIFTEEN),
  alias: [`info@${VIRTUAL} user1@${VIRTUAL}`, `@${ALIAS_DOMAIN} user1@${DOMAIN}`],
  domain: [`${ALIAS_DOMAIN} alias`],
};

/**
 * What is the matter: the store's folder is gone, the daemon is stopped by SIGSTOP, or is so for a time, there is none, or
 * there is one again.
 */
export type Trouble = 'none' | 'store away' | 'stopped' | 'stalled' | 'down' | 'back';
/** What the daemon takes for an answer at most; its clients wait longer. */
const DEADLINE_MS = 1_000;
const STALL_MS = 2 * DEADLINE_MS;

export interface World {
  readonly setting: Setting;
  readonly lmtp: Lmtp;
  /** Makes trouble; what it resolves to ends it. */
  make(trouble: Trouble): Promise<() => Promise<void>>;
  /** Has the daemon reload, and then lets a new one take over from it. */
  renew(): Promise<void>;
  /** Waits for a line in the log of the daemon that listens. */
  readonly logged: Daemon['logged'];
  end(): Promise<void>;
}

/** What a test has beyond the usual, or instead of it. */
export interface More {
  /** Lines of the table `access`. */
  readonly access?: readonly string[];
  /** Sections of maps, instead of the usual ones. */
  readonly maps?: string;
  /** More sections. */
  readonly sections?: string;
}

/** In a folder that stays, for a mail server by its name in `smmap mta`. */
export async function makeWorld(
  mta: string,
  folder: string,
  { access = [], maps = MAPS, sections = '' }: More = {},
): Promise<World> {
  const at = (name: string): string => join(folder, name);
  await succeed(['store', 'create', '--store', at('store')]);
  for (const [kind, lines] of Object.entries(RECORDS)) {
    await succeed([kind, 'import', '--store', at('store'), '-'], `${lines.join('\n')}\n`);
  }
  if (access.length > 0) {
    await succeed(['table', 'import', '--store', at('store'), 'access', '-'], `${access.join('\n')}\n`);
  }
  const config = configOf(folder, maps + sections);
  let daemon: Daemon = await startDaemon({ folder, config });
  let old: Daemon[] = []; // who have handed over, and may have clients still
  const lmtp = await startLmtp(at('lmtp.sock'));
  const end = async (): Promise<void> => {
    for (const each of [...old, daemon]) await each.end();
    await lmtp.close();
  };
  try {
    const lmtpAt = `unix:${at('lmtp.sock')}`;
    await succeed([
      'mta',
      mta,
      ...releaseOf(mta),
      '--config',
      at('smmap.toml'),
      '--write',
      at('written'),
      '--lmtp',
      lmtpAt,
    ]);
  } catch (error) {
    await end();
    throw error;
  }
  const answers = async (word: string): Promise<void> => {
    const key = `user1@${DOMAIN}`;
    await vi.waitUntil(async () => (await askOnce(at('smmap.sock'), 'mailbox', key)).startsWith(word), 10_000);
  };
  const signal = (name: NodeJS.Signals): void => {
    for (const each of [...old, daemon]) each.signal(name);
  };
  const make: Record<Trouble, () => Promise<() => Promise<void>>> = {
    none: async () => async () => {},
    back: async () => async () => {},
    'store away': async () => {
      await rename(at('store'), at('away'));
      await answers('TEMP');
      return async () => {
        await rename(at('away'), at('store'));
        await answers('OK');
      };
    },
    stopped: async () => {
      signal('SIGSTOP');
      return async () => signal('SIGCONT');
    },
    stalled: async () => {
      signal('SIGSTOP');
      const stalled = sleep(STALL_MS).then(() => signal('SIGCONT'));
      return () => stalled;
    },
    down: async () => {
      for (const each of [...old, daemon]) await each.end();
      old = [];
      return async () => {
        daemon = await startDaemon({ folder, config });
      };
    },
  };
  return {
    setting: { folder, written: at('written'), domain: DOMAIN, virtual: [VIRTUAL], aliasDomains: [ALIAS_DOMAIN] },
    lmtp,
    make: (trouble) => make[trouble](),
    logged: (event, suits) => daemon.logged(event, suits),
    async renew() {
      const reloads = (): number => daemon.log.filter(({ event }) => event === 'reloaded').length;
      const before = reloads();
      daemon.signal('SIGHUP');
      await vi.waitUntil(() => reloads() > before, { timeout: 20_000, interval: 5 });
      const next = await startDaemon({ folder, config, args: ['--takeover'] });
      await daemon.logged('handing_over');
      old.push(daemon);
      daemon = next;
    },
    end,
  };
}

function configOf(folder: string, maps: string): string {
  return `
    [listen.mta]
    path = "${folder}/smmap.sock"
    [listen.line]
    path = "${folder}/line.sock"
    protocol = "line"

    [limits]
    deadline_ms = ${DEADLINE_MS}

    [store.local]
    driver = "embedded"
    path = "${folder}/store"
${maps}`;
}

const ADDRESS = `default_domain = "${DOMAIN}"
    local_domains = ["${HOST}"]`;
const MAPS = `
    [map.mailbox]
    ${ADDRESS}
    detail = { policy = "folder" }
    [map.virtuser]
    kind = "alias"
    ${ADDRESS}
    [map.domains]
    kind = "domain"
    class = "mailbox"
    [map.aliasdomains]
    kind = "domain"
    class = "alias"
    [map.userbase]
    ${ADDRESS}
    reply = { text = "8:8:/" }
    [map.vmail]
    default_domain = "invalid"
    detail = { policy = "folder" }
    reply = { text = "vmail" }
`;

async function succeed(args: readonly string[], stdin = ''): Promise<void> {
  const { code, stderr } = await cli(args, stdin);
  if (code !== 0) throw new Error(`smmap ${args.join(' ')} ended with ${code}: ${stderr}`);
}
