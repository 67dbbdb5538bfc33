// The whole OpenSMTPD.

import { chmod, chown, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, freePort, startMta } from './mta.ts';

/** The one that parts.sh unpacked. */
export function findOpensmtpd(parts: string): Promise<MtaPart | { missing: string }> {
  const part = join(parts, 'opensmtpd');
  const files = ['usr/sbin/smtpd', 'usr/libexec/opensmtpd/table-socketmap'].map((file) => join(part, file));
  return findMta('opensmtpd', files, (setting) => start(part, setting));
}

async function start(part: string, { folder, written, virtual, aliasDomains, sockets }: Setting): Promise<Mta> {
  const port = await freePort();
  const etc = {
    'smtpd.conf': `listen on 127.0.0.1 port ${port} hostname ${HOST}\ninclude "${written}/smtpd.conf"\n`,
    'mail/smmap-mailbox-domains': virtual.map((domain) => `${domain}\n`).join(''),
    'mail/smmap-domains': aliasDomains.map((domain) => `${domain}\n`).join(''),
  };
  const before = `for each in /var/lib /var/spool /usr/libexec; do mount -t tmpfs -o mode=755 tmpfs $each; done
ln -s "${part}/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
mkdir -p /var/lib/opensmtpd/empty
mkdir -m 711 /var/spool/smtpd`;
  const command = [join(part, 'usr/sbin/smtpd'), '-d'];
  const smtpctl = join(folder, 'smtpctl'); // which insists on its group
  await copyFile(join(part, 'usr/sbin/smtpctl'), smtpctl);
  await chown(smtpctl, USERS.root, USERS.opensmtpq);
  await chmod(smtpctl, 0o2755);
  const queue = [smtpctl, 'schedule', 'all'];
  return startMta({ folder, sockets, port, command, libs: join(part, 'libs'), etc, before, queue });
}
