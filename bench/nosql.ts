import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { run } from '../test/real/command.ts';
import { findRedis } from '../test/support/redis.ts';
import { READER, READER_PASSWORD, SUFFIX, findSlapd } from '../test/support/slapd.ts';
import { type OpenDatabase, PARTS, newSince } from './database.ts';
import { childrenOf } from './proc.ts';
import { addressOf } from './request.ts';

/** The databases that have no tables. */

const MOST_ENTRIES = 100_000; // slapadd loads them within seconds
const PEOPLE = `ou=people,${SUFFIX}`;

export const openSlapd: OpenDatabase = async ({ folder, mailboxes: wanted }) => {
  const installation = findSlapd(PARTS);
  if ('missing' in installation) return installation;
  const mailboxes = Math.min(wanted, MOST_ENTRIES);
  const before = childrenOf(process.pid);
  const database = 'maxsize 8589934592\nindex mailAlternateAddress eq';
  const server = await installation.start({ database });
  const home = dirname(decodeURIComponent(server.ldapi.slice('ldapi://'.length)));
  await server.kill();
  const ldif = join(home, 'people.ldif');
  const people = Array.from({ length: mailboxes }, (_, n) =>
    [
      `dn: uid=user${n},${PEOPLE}`,
      ...['inetOrgPerson', 'smmapThing'].map((name) => `objectClass: ${name}`),
      `uid: user${n}`,
      `cn: User ${n}`,
      `sn: ${n}`,
      `mail: ${addressOf(n)}`,
      '\n',
    ].join('\n'),
  );
  writeFileSync(ldif, [`dn: ${PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n`, ...people].join(''));
  await slapadd(home, ldif);
  await server.start();

  const passwordFile = join(folder, 'slapd.password');
  writeFileSync(passwordFile, READER_PASSWORD);
  return {
    mailboxes,
    pid: newSince(before),
    store: [
      'driver = "ldap"',
      `url = "${server.ldap}"`,
      `bind_dn = "${READER}"`,
      `password_file = "${passwordFile}"`,
      `base = "${PEOPLE}"`,
      'preset = "mail"',
    ],
    stop: () => server.stop(),
  };
};

async function slapadd(home: string, ldif: string): Promise<void> {
  const part = resolve(PARTS, 'slapd');
  const become = process.getuid?.() === 0 ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const program = [join(part, 'usr/sbin/slapadd'), '-q', '-f', join(home, 'slapd.conf'), '-l', ldif];
  const env = { LD_LIBRARY_PATH: join(part, 'libs') };
  const { code, stderr } = await run('setpriv', [...become, '--', ...program], {
    env,
    limit: 300_000,
  });
  if (code !== 0) throw new Error(`slapadd ended with ${code}: ${stderr}`);
}

const SET = 'mailboxes';
const PORTION = 10_000;

export const openRedis: OpenDatabase = async ({ mailboxes }) => {
  const installation = await findRedis(PARTS);
  if ('missing' in installation) return installation;
  const before = childrenOf(process.pid);
  const server = await installation.start();
  for (let from = 0; from < mailboxes; from += PORTION) {
    const numbers = Array.from({ length: Math.min(PORTION, mailboxes - from) }, (_, n) => addressOf(from + n));
    await server.cli('sadd', SET, ...numbers);
  }
  const [, path = ''] = (await server.cli('config', 'get', 'unixsocket')) as string[];
  return {
    mailboxes,
    pid: newSince(before),
    store: [
      'driver = "redis"',
      `url = "unix://${path}"`,
      `mailbox = { set = "${SET}", member = "{address}" }`,
      `canary = { mailbox = "${addressOf(0)}" }`,
    ],
    stop: () => server.stop(),
  };
};
