import type { Advice, Failure } from '../../driver.ts';
import { advice as adviceForSocket } from '../socketmap/advice.ts';
import type { CyrusConfig } from './keys.ts';

/** What to do if smmapd cannot be reached, or the list cannot be read. */
export function advice({ server, snapshot }: CyrusConfig, failure: Failure): Advice | null {
  const { message, code } = failure;
  if (!message.includes(snapshot)) return adviceForSocket({ server }, failure);
  if (code !== 'ENOENT' && code !== 'EACCES') return null;
  const remedy = code === 'ENOENT' ? 'write the list, as the user cyrus' : 'let the user of smmap read it';
  return { remedy, commands: code === 'ENOENT' ? ['systemctl start cyrus-list'] : [`namei -l ${snapshot}`] };
}
