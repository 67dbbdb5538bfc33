import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../src/endpoint.ts';
import { HOPS } from '../src/store/driver/smtp/presets.ts';
import { DEFAULT_DOMAIN, findCyrus } from '../test/real/cyrus.ts';
import { type StartHop, findEximHop, findPostfixHop } from '../test/real/hops.ts';
import { findDovecot } from '../test/support/dovecot.ts';
import type { DialectName } from './dialect.ts';
import type { Scratch } from './processes.ts';
import { addressOf } from './questions.ts';

/** A socket of a mail server, and the driver that asks it. */
export interface Target {
  readonly name: string;
  readonly driver: keyof typeof HABITS;
  readonly endpoint: Endpoint;
  /** More lines of the store. */
  readonly more?: readonly string[];
  /** What the driver asks in one session at most. Without it there is no limit. */
  readonly session?: { readonly found: number; readonly absent: number };
}

interface Habits {
  /** What a bare client speaks. */
  readonly dialect: DialectName;
  /** The connections by default. */
  readonly sessions: number;
  /** Whether several questions may go in one write. */
  readonly pipelines: boolean;
  /** The line of the store that turns its cache off. */
  readonly uncached: readonly string[];
}

/** By driver. The cache of smtp cannot be turned off, but what it keeps for 1 ms is of no use. */
export const HABITS = {
  socketmap: { dialect: 'socketmap', sessions: 4, pipelines: false, uncached: [] },
  cyrus: { dialect: 'socketmap', sessions: 4, pipelines: false, uncached: [] },
  lmtp: { dialect: 'lmtp', sessions: 2, pipelines: true, uncached: [] },
  smtp: {
    dialect: 'smtp',
    sessions: 2,
    pipelines: false,
    uncached: ['cache = { positive_ms = 1, negative_ms = 1, failure_ms = 0, stale_ms = 0 }'],
  },
  dovecot: { dialect: 'dovecot', sessions: 2, pipelines: true, uncached: [] },
} as const satisfies Readonly<Record<string, Habits>>;

/** A mail server that has the mailboxes of the bench. */
export interface MailServer {
  readonly mailboxes: number;
  readonly targets: readonly Target[];
  /** Its sessions are processes that end: their CPU time is not counted. */
  readonly isFleeting?: true;
  stop(): Promise<void>;
}

/** Starts a mail server, if it is there. */
export type Open = (scratch: Scratch) => Promise<MailServer | { readonly missing: string }>;

const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));
export const CYRUS_MAILBOXES = 1_000; // Cyrus makes 100 in a second
const DOVECOT_MAILBOXES = 100_000;
const HOP_MAILBOXES = 1_000; // Exim reads its list from the start

/** Starts Cyrus; its smmapd is the first target. */
export const openCyrus: Open = async (scratch) => {
  const installation = await findCyrus(PARTS);
  if ('missing' in installation) return installation;
  const server = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
  await server.create(Array.from({ length: CYRUS_MAILBOXES }, (_, n) => ({ name: `user/${addressOf(n)}` })));
  const list = scratch.path('.json');
  await writeFile(list, await server.dump());
  const smmapd = unix(server.smmapd);
  const targets: readonly Target[] = [
    { name: 'smmapd of Cyrus', driver: 'socketmap', endpoint: smmapd },
    {
      name: 'smmapd of Cyrus with its list',
      driver: 'cyrus',
      endpoint: smmapd,
      more: [`snapshot = "${list}"`, `default_domain = "${DEFAULT_DOMAIN}"`],
    },
    { name: 'lmtpd of Cyrus', driver: 'lmtp', endpoint: unix(server.lmtp) },
  ];
  return { mailboxes: CYRUS_MAILBOXES, targets, stop: () => server.stop() };
};

const openDovecot: Open = async () => {
  const installation = await findDovecot(PARTS);
  if ('missing' in installation) return installation;
  const server = await installation.start();
  await server.write(Array.from({ length: DOVECOT_MAILBOXES }, (_, n) => ({ name: addressOf(n) })));
  const targets: readonly Target[] = [
    { name: 'auth-userdb of Dovecot', driver: 'dovecot', endpoint: unix(server.auth) },
    { name: 'lmtp of Dovecot', driver: 'lmtp', endpoint: unix(server.lmtp) },
  ];
  return { mailboxes: DOVECOT_MAILBOXES, targets, stop: () => server.stop() };
};

/** A next hop, as the driver knows it. */
function openHop(
  name: string,
  hop: keyof typeof HOPS,
  find: () => Promise<{ readonly start: StartHop } | { readonly missing: string }>,
  settings: string,
): Open {
  return async () => {
    const installation = await find();
    if ('missing' in installation) return installation;
    const users = Array.from({ length: HOP_MAILBOXES }, (_, n) => addressOf(n).split('@')[0] as string);
    const server = await installation.start(users, settings);
    const endpoint = { kind: 'tcp', host: '127.0.0.1', port: server.port } as const;
    const { checksPerSession, refusalsPerSession } = HOPS[hop];
    const session = { found: checksPerSession, absent: refusalsPerSession };
    const target: Target = { name, driver: 'smtp', endpoint, more: [`hop = "${hop}"`], session };
    return { mailboxes: HOP_MAILBOXES, targets: [target], isFleeting: true, stop: () => server.remove() };
  };
}

function unix(path: string): Endpoint {
  return { kind: 'unix', path };
}

/** The mail servers of the part `servers`. */
export const SERVERS: Readonly<Record<string, Open>> = {
  Cyrus: openCyrus,
  Dovecot: openDovecot,
  Postfix: openHop('Postfix as next hop', 'postfix', () => findPostfixHop(PARTS), 'in_flow_delay = 0'),
  Exim: openHop('Exim as next hop', 'exim', () => findEximHop(undefined, PARTS), ''),
};
