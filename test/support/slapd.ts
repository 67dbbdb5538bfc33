// Runs the real slapd in a throw-away folder.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../real/command.ts';
import { type Missing, type Place, findPlace, isMissing } from '../real/part.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { freePort } from './port.ts';

const WAIT_MS = 20_000;
const NOBODY = 65_534; // slapd runs as this user if root starts it
export const SUFFIX = 'dc=example,dc=org';
export const ADMIN = `cn=admin,${SUFFIX}`;
export const ADMIN_PASSWORD = 'admin-secret';
/** May search, and read what the tests ask for. No other account may read anything. */
export const READER = `cn=smmap,${SUFFIX}`;
export const READER_PASSWORD = 'reader-secret';
/** The same, but it gets at most two entries. */
export const SMALL = `cn=small,${SUFFIX}`;
/** May search below ou=people but read nothing there: it gets success without entries. */
export const BLIND = `cn=blind,${SUFFIX}`;

/** Attributes and classes of products whose presets are tested. Their own schemas are not in Debian. */
const PRODUCTS = [
  'shadowAddress', // the first ones are of iRedMail
  'memberOfGroup',
  'enabledService',
  'domainStatus',
  'domainName',
  'domainAliasName',
  'alias', // Kolab
  'zimbraMailDeliveryAddress',
  'zimbraMailAlias',
  'zimbraOldMailAddress',
  'zimbraMailCatchAllAddress',
  'zimbraMailStatus',
  'zimbraDomainName',
  'nsAccountLock', // FreeIPA
  'ak-active', // authentik
];
const CLASSES = [
  'mailUser',
  'mailList',
  'mailDomain',
  'kolabInetOrgPerson',
  'kolabGroupOfUniqueNames',
  'kolabGroupOfURLs',
  'kolabSharedFolder',
];

/** Attributes as the directory has them. */
export type Attributes = Readonly<Record<string, string | readonly string[]>>;

export interface StartOptions {
  /** The URL of a provider, to be its consumer. */
  readonly provider?: string;
  /** Lines for the database, before its access rules. */
  readonly database?: string;
}

export interface Slapd {
  /** `ldapi://` with its path; the path is short enough for a socket. */
  readonly ldapi: string;
  readonly ldap: string;
  readonly ldaps: string;
  /** The texts in PEM of the authority, and of the certificate of a client named `cn=client`. */
  readonly tls: Certificates;
  /** Adds entries; each has its name below the suffix. */
  add(entries: readonly (readonly [string, Attributes])[]): Promise<void>;
  /** Changes by LDIF. */
  modify(ldif: string): Promise<void>;
  kill(): Promise<void>;
  hang(): void;
  resume(): void;
  /** Starts it if it does not run. The data is the same as before. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface Installation {
  start(options?: StartOptions): Promise<Slapd>;
}

/** If root starts it, it runs as the user nobody. */
export function findSlapd(parts: string): Installation | Missing {
  const files = ['usr/sbin/slapd', 'usr/bin/ldapwhoami', 'usr/bin/ldapmodify', 'etc/ldap/schema/misc.schema'];
  const place = findPlace('slapd (OpenLDAP)', parts, 'slapd', files);
  if (isMissing(place)) return place;
  return { start: (options = {}) => startSlapd(place, options) };
}

async function startSlapd(place: Place, options: StartOptions): Promise<Slapd> {
  const { root } = place;
  const folder = await mkdtemp(join(tmpdir(), 'slapd-'));
  const at = (name: string): string => join(folder, name);
  const env = { PATH: process.env['PATH'] ?? '', ...place.env };
  const ldapi = `ldapi://${encodeURIComponent(at('ldapi'))}`;
  const [plain, secure] = await Promise.all([freePort(), freePort()]);
  const ldap = `ldap://127.0.0.1:${plain}`;
  const ldaps = `ldaps://127.0.0.1:${secure}`;
  let child: ChildProcess | null = null;
  const clean = (): void => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', clean);

  const start = async (): Promise<void> => {
    if (child !== null) {
      child.kill('SIGCONT');
      return;
    }
    const become = process.getuid?.() === 0 ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
    const slapd = [join(root, 'usr/sbin/slapd'), '-d', '0', '-f', at('slapd.conf'), '-h', `${ldapi} ${ldap} ${ldaps}`];
    const started = spawn('setpriv', [...become, '--pdeathsig=KILL', '--', ...slapd], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    let stderr = '';
    started.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    started.on('exit', () => {
      if (child === started) child = null;
    });
    const late = Date.now() + WAIT_MS;
    for (;;) {
      const probe = ['-x', '-H', ldap, '-D', ADMIN, '-w', ADMIN_PASSWORD];
      const { code, stderr: why } = await run(join(root, 'usr/bin/ldapwhoami'), probe, { env });
      if (code === 0) return;
      if (child !== started || Date.now() > late) throw new Error(`slapd does not listen: ${stderr}${why}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (ending === null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGCONT');
    ending.kill(signal);
    await ended;
  };
  const modify = async (ldif: string): Promise<void> => {
    const args = ['-x', '-H', ldap, '-D', ADMIN, '-w', ADMIN_PASSWORD];
    const { code, stderr } = await run(join(root, 'usr/bin/ldapmodify'), args, { env, stdin: ldif });
    if (code !== 0) throw new Error(`ldapmodify ended with ${code}: ${stderr}`);
  };
  const add = (entries: readonly (readonly [string, Attributes])[]): Promise<void> =>
    modify(entries.map(([name, attributes]) => ldifOf(name, attributes)).join('\n'));
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    process.off('exit', clean);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };

  try {
    const tls = await makeCertificates(folder);
    await mkdir(at('db'));
    await writeFile(at('slapd.conf'), slapdConf(root, folder, options));
    if (process.getuid?.() === 0) for (const name of ['.', 'db', 'server.key']) await chown(at(name), NOBODY, NOBODY);
    await start();
    if (options.provider === undefined) {
      await add([
        ['', { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' }],
        ...['smmap', 'small', 'blind'].map(
          (name) =>
            [
              `cn=${name}`,
              { objectClass: ['organizationalRole', 'simpleSecurityObject'], userPassword: READER_PASSWORD },
            ] as const,
        ),
      ]);
    }
    const restart = async (): Promise<void> => {
      await end('SIGTERM');
      await start();
    };
    return {
      ldapi,
      ldap,
      ldaps,
      tls,
      add,
      modify,
      kill: () => end('SIGKILL'),
      hang: () => void child?.kill('SIGSTOP'),
      resume: () => void child?.kill('SIGCONT'),
      start,
      restart,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function ldifOf(name: string, attributes: Attributes): string {
  const lines = Object.entries(attributes).flatMap(([attribute, values]) =>
    [values].flat().map((value) => `${attribute}:: ${Buffer.from(value).toString('base64')}`),
  );
  const dn = name === '' ? SUFFIX : `${name},${SUFFIX}`;
  return `${['dn: ' + dn, 'changetype: add', ...lines].join('\n')}\n`;
}

function slapdConf(root: string, folder: string, { provider, database = '' }: StartOptions): string {
  const schemas = ['core', 'cosine', 'inetorgperson', 'misc'];
  const attribute = (number: number, name: string, more = ''): string =>
    `attributetype ( 1.3.6.1.4.1.4203.666.11.${number} NAME '${name}' EQUALITY caseIgnoreMatch ` +
    `SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 ${more})\n`;
  const objectClass = (number: number, name: string): string =>
    `objectclass ( 1.3.6.1.4.1.4203.666.11.${number} NAME '${name}' SUP top AUXILIARY )\n`;
  const own = ['Address', 'Folder', 'Value', 'State', 'Domain', 'Class', 'Table', 'Key', 'Target'];
  const names = [...own.map((name) => `smmap${name}`), ...PRODUCTS];
  return `${schemas.map((name) => `include ${join(root, 'etc/ldap/schema', name)}.schema\n`).join('')}
${names.map((name, at) => attribute(100 + at, name)).join('')}
attributetype ( 1.3.6.1.4.1.4203.666.11.200 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match
  SUBSTR caseIgnoreIA5SubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.4203.666.11.201 NAME 'accountStatus' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
${CLASSES.map((name, at) => objectClass(10 + at, name)).join('')}objectclass ( 1.3.6.1.4.1.4203.666.11.1 NAME 'smmapThing' SUP top AUXILIARY
  MAY ( ${names.join(' $ ')} $ mailAlternateAddress $ accountStatus $ proxyAddresses $ userAccountControl ) )
modulepath ${join(root, 'usr/lib/ldap')}
moduleload back_mdb
moduleload syncprov
TLSCACertificateFile ${folder}/ca.pem
TLSCertificateFile ${folder}/server.pem
TLSCertificateKeyFile ${folder}/server.key
TLSVerifyClient try
authz-regexp "cn=client" "${READER}"
authz-regexp "uidNumber=${process.getuid?.() ?? 0},cn=peercred" "${READER}"
database mdb
suffix "${SUFFIX}"
rootdn "${ADMIN}"
rootpw ${ADMIN_PASSWORD}
directory ${folder}/db
maxsize 268435456
dbnosync
index objectClass,entryCSN,entryUUID,mail,smmapAddress eq
limits dn.exact="${SMALL}" size=2
${database}
access to attrs=userPassword by anonymous auth by * none
access to dn.exact="ou=people,${SUFFIX}" by dn.exact="${BLIND}" search by * break
access to * by dn.exact="${READER}" read by dn.exact="${SMALL}" read by * none
${
  provider === undefined
    ? 'overlay syncprov\n'
    : `syncrepl rid=1 provider=${provider} type=refreshAndPersist retry="1 +" searchbase="${SUFFIX}"
  bindmethod=simple binddn="${ADMIN}" credentials=${ADMIN_PASSWORD}\n`
}`;
}
