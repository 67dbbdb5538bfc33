import { dirname } from 'node:path';
import { ownAccount } from '../../../account.ts';
import type { Advice, Failure } from '../../driver.ts';
import type { SocketmapConfig } from './keys.ts';

/** What to do if a socket map server cannot be reached, or does not know what it is asked for. */
export function advice({ server }: Pick<SocketmapConfig, 'server'>, { message, code }: Failure): Advice | null {
  const path = server.find((each) => each.kind === 'unix')?.path ?? null;
  if (path !== null && code === 'EACCES') {
    const line = `a+ ${dirname(path)} - - - - user:${ownAccount().name}:x`;
    const remedy = 'find the folder that the user may not enter, and let it in. If it is the last one';
    const lines = [`echo '${line}' > /etc/tmpfiles.d/smmap-cyrus.conf`, 'systemd-tmpfiles --create'];
    return { remedy, commands: [`namei -l ${path}`, ...lines] };
  }
  if (path !== null && (code === 'ENOENT' || code === 'ECONNREFUSED')) {
    const remedy = 'start the server, or correct server. These sockets are there';
    return { remedy, commands: [`ls -l ${dirname(path)}`] };
  }
  if (message.includes('TEMP: unknown map')) {
    return { remedy: 'give the name of a map that the server has', commands: [] };
  }
  return null;
}
