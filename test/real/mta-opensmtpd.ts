// The whole OpenSMTPD.

import { chmod, chown, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/port.ts';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, startMta } from './mta.ts';
import { type Missing, type Place, findUnpacked } from './part.ts';

const NAME = 'OpenSMTPD';
const TABLES = 'usr/libexec/opensmtpd';

/**
 * Only the unpacked one, 6.8: its folder of table programs is laid over /usr/libexec, and 7.6 behaves in another way after
 * a restart of smmap.
 */
export function findOpensmtpd(parts: string): Promise<MtaPart | Missing> {
  const why = 'an installed OpenSMTPD is not used';
  const place = findUnpacked(NAME, parts, 'opensmtpd', ['usr/sbin/smtpd', join(TABLES, 'table-socketmap')], why);
  return findMta(NAME, place, start);
}

async function start(
  { root, libs }: Place,
  { folder, written, virtual, aliasDomains, sockets }: Setting,
): Promise<Mta> {
  const port = await freePort();
  const etc = {
    'smtpd.conf': `listen on 127.0.0.1 port ${port} hostname ${HOST}\ninclude "${written}/smtpd.conf"\n`,
    'smmap/opensmtpd-mailbox-domains': virtual.map((domain) => `${domain}\n`).join(''),
    'smmap/opensmtpd-alias-domains': aliasDomains.map((domain) => `${domain}\n`).join(''),
  };
  const before = `for each in /var/lib /var/spool /usr/libexec; do mount -t tmpfs -o mode=755 tmpfs $each; done
ln -s "${join(root, TABLES)}" /usr/libexec/opensmtpd
mkdir -p /var/lib/opensmtpd/empty
mkdir -m 711 /var/spool/smtpd`;
  const command = [join(root, 'usr/sbin/smtpd'), '-d'];
  const smtpctl = join(folder, 'smtpctl'); // which insists on its group
  await copyFile(join(root, 'usr/sbin/smtpctl'), smtpctl);
  await chown(smtpctl, USERS.root, USERS.opensmtpq);
  await chmod(smtpctl, 0o2755);
  const queue = [smtpctl, 'schedule', 'all'];
  return startMta({ folder, sockets, port, command, libs, etc, before, queue });
}
