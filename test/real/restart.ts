// Mail servers that ask a service while that is restarted, and what their sessions see of it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { cli } from './daemon.ts';
import { HOST, type MtaPart, releaseOf } from './mta.ts';
import type { Service } from './service.ts';
import { type Smtp, openSmtp } from './smtp.ts';

const DOMAIN = 'example.org';
const VIRTUAL = 'virt.example';
const ALIAS_DOMAIN = 'alias.example';
const FOUND = `user1@${VIRTUAL}`;
const NOBODY = `nobody@${VIRTUAL}`;
const PACE_MS = 15;
const BUSY = 2; // sessions that ask all the time, of each mail server

/** The configuration of a service whose sockets are in a folder, with what all mail servers ask. */
export function configOf(sockets: string, limits = ''): string {
  const address = `default_domain = "${DOMAIN}"\n    local_domains = ["${HOST}"]`;
  return `
    [listen.mta]
    path = "${sockets}/smmap.sock"
    [listen.line]
    path = "${sockets}/line.sock"
    protocol = "line"
    [limits]
    ${limits}
    [store.fixed]
    driver = "memory"
    mailboxes = ["user1@${DOMAIN}", "${FOUND}"]
    aliases = ["info@${ALIAS_DOMAIN} user1@${DOMAIN}"]
    domains = ["${ALIAS_DOMAIN} alias"]
    [map.mailbox]
    ${address}
    [map.virtuser]
    kind = "alias"
    ${address}
    [map.domains]
    kind = "domain"
    class = "mailbox"
    [map.aliasdomains]
    kind = "domain"
    class = "alias"
    [map.userbase]
    ${address}
    reply = { text = "8:8:/" }
    [map.vmail]
    default_domain = "invalid"
    reply = { text = "vmail" }
  `;
}

/** Starts a mail server that asks the service; it ends with the test. Resolves to its port. */
export async function startAsking(
  service: Pick<Service, 'folder' | 'sockets'>,
  name: string,
  { start }: MtaPart,
): Promise<number> {
  const folder = join(service.folder, name);
  await mkdir(folder);
  await writeFile(join(folder, 'smmap.toml'), configOf(service.sockets));
  const written = join(folder, 'written');
  const { code, stderr } = await cli([
    'mta',
    name,
    ...releaseOf(name),
    '--config',
    join(folder, 'smmap.toml'),
    '--write',
    written,
  ]);
  if (code !== 0) throw new Error(`smmap mta ${name} ended with ${code}: ${stderr}`);
  const { sockets } = service;
  const setting = { folder, written, domain: DOMAIN, virtual: [VIRTUAL], aliasDomains: [ALIAS_DOMAIN], sockets };
  const mta = await start(setting);
  onTestFinished(() => mta.stop());
  return mta.port;
}

/** Answers, those that were right and the others. */
export interface Tally {
  right: number;
  wrong: string[];
}

/** A session that is open already, and has asked. */
export interface Session {
  /** Asks for somebody who is there, and somebody who is not, and so on, and counts. */
  ask(tally: Tally, questions: number): Promise<void>;
}

/** Opens a session, and asks once for each, so that the mail server has its connection to smmap. It ends with the test. */
export async function openSession(name: string, port: number): Promise<Session> {
  const smtp: Smtp = await openSmtp(port);
  onTestFinished(() => smtp.close());
  const session: Session = {
    async ask(tally, questions) {
      for (let at = 0; at < questions; at++) {
        const there = at % 2 === 0;
        const [reply] = await smtp.recipients([there ? FOUND : NOBODY]);
        const code = reply?.code ?? 0;
        if (there ? code === 250 : code === 550 || code === 524) tally.right++;
        else tally.wrong.push(`${name}: ${reply?.text}`);
      }
    },
  };
  const first: Tally = { right: 0, wrong: [] };
  await session.ask(first, 2);
  if (first.wrong.length > 0) throw new Error(first.wrong.join('\n'));
  return session;
}

/** Sessions of several mail servers, busy ones and idle ones. */
export interface Load {
  /** Does something to the service, after which each idle session asks four times. Counts those and the busy ones. */
  during(action: () => Promise<void>): Promise<Tally>;
  /** Ends the busy sessions. */
  end(): Promise<void>;
}

/** The busy sessions ask from now on. */
export async function startLoad(ports: ReadonlyMap<string, number>): Promise<Load> {
  let tally: Tally = { right: 0, wrong: [] };
  const idle: Session[] = [];
  const over = new AbortController();
  const asking: Promise<void>[] = [];
  for (const [name, port] of ports) {
    idle.push(await openSession(`idle ${name}`, port));
    for (let at = 0; at < BUSY; at++) {
      const session = await openSession(`busy ${name}`, port);
      asking.push(
        (async () => {
          while (!over.signal.aborted) {
            await session.ask(tally, 2).catch((error: unknown) => void tally.wrong.push(`${name}: ${String(error)}`));
            await sleep(PACE_MS);
          }
        })(),
      );
    }
  }
  const end = async (): Promise<void> => {
    over.abort();
    await Promise.all(asking);
  };
  onTestFinished(end);
  return {
    end,
    async during(action) {
      tally = { right: 0, wrong: [] };
      const counted = tally;
      await action();
      for (const session of idle) await session.ask(counted, 4);
      await sleep(200); // what the busy ones see a moment later counts too
      return counted;
    },
  };
}
