import { groupName, ownAccount } from '../../../account.ts';
import { formatEndpoint } from '../../../endpoint.ts';
import type { Advice, Failure } from '../../driver.ts';
import type { DovecotConfig } from './keys.ts';

/** What to do about a failure of Dovecot. Of somebody who may not ask, it says FAIL, and not why. */
export function advice({ server, service }: DovecotConfig, { code, message }: Failure): Advice | null {
  if (code === 'EACCES') return { remedy: LET_ASK, commands: listener() };
  if (/\bFAIL\b/.test(message)) {
    const remedy = `see the log of Dovecot (doveadm log errors). If it says that the client lacks permission, ${LET_ASK}`;
    return { remedy, commands: listener() };
  }
  const [, canary = null] = /the canary ([\w.@+-]+) is not found$/.exec(message) ?? [];
  if (canary !== null) {
    const remedy = 'restore the users of Dovecot, or choose a canary that it finds. These show what it finds';
    return { remedy, commands: ["doveadm user '*'", `doveadm user -x service=${service} ${canary}`] };
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    const remedy = `start Dovecot, or correct server = "${server.map(formatEndpoint).join('", "')}". The socket is below`;
    return { remedy, commands: ['doveconf base_dir'] };
  }
  return null;
}

const LET_ASK = 'let smmap ask, in the configuration of Dovecot';

/** With the group, nobody who could ask before is shut out. */
function listener(): readonly string[] {
  const group = groupName(ownAccount().gid);
  return ['service auth {', '  unix_listener auth-userdb {', '    mode = 0666', `    group = ${group}`, '  }', '}'];
}
