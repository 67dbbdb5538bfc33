import { basename, dirname } from 'node:path';
import { EXIT } from '../error.ts';
import { type Finding, mistake } from '../finding.ts';
import { outputOf } from '../system.ts';
import type { MailServer } from './asked.ts';

const MODULE = 'smmap-mta';

/** What SELinux, if it is enforced, does to the sockets that mail servers ask: wrong labels, and what it denied just now. */
export function examineSelinux(servers: readonly MailServer[]): Finding[] {
  if (outputOf('getenforce', [])?.trim() !== 'Enforcing') return [];
  const asked = servers.flatMap((each) => each.asked);
  const paths = [...new Set(asked.flatMap(({ server }) => (server.kind === 'unix' ? [server.path] : [])))];
  const denials = (outputOf('ausearch', ['-m', 'avc', '-ts', 'recent', '--raw']) ?? '').split('\n');
  return paths.flatMap((path) => [checkLabels(path), checkDenials(path, denials)].filter((each) => each !== null));
}

/** Folder and socket as the policy wants them? matchpathcon fails when one is not. */
function checkLabels(path: string): Finding | null {
  const folder = dirname(path);
  const said = outputOf('sh', ['-c', 'matchpathcon -V "$@" || true', 'sh', folder, path]) ?? '';
  const [, at, is, should] = /^(.+) has context (\S+), should be (\S+)$/m.exec(said) ?? [];
  if (at === undefined) return null;
  const reason = `${at} has the label ${is}, but the policy says ${should}`;
  const commands = [`restorecon -Fv ${folder} ${path}`];
  return mistake(EXIT.CONFIG, { where: `SELinux: ${path}`, reason, remedy: 'give it that label', commands });
}

/** Lines of the audit log about a connection to the socket. The name of a file stands there without its folder. */
function checkDenials(path: string, denials: readonly string[]): Finding | null {
  const about = (line: string): boolean => line.includes(`name="${basename(path)}"`) || line.includes(`path="${path}"`);
  const denied = denials.filter(
    (line) => /\bavc: +denied\b/.test(line) && !line.includes('permissive=1') && about(line),
  );
  const domains = new Set(denied.flatMap((line) => /\bscontext=[^:\s]+:[^:\s]+:([^:\s]+)/.exec(line)?.[1] ?? []));
  if (domains.size === 0) return null;
  const names = [...domains].join(', ');
  const reason = `SELinux denied it to ${names} in the last ten minutes, so the mail server gets no answer`;
  const remedy = 'allow it, send a mail, and repeat both until nothing is denied, since rights are denied one by one';
  const commands = [
    `ausearch -m avc -ts today --raw | grep -F '${basename(path)}' | audit2allow -M ${MODULE}`,
    `semodule -i ${MODULE}.pp`,
  ];
  return mistake(EXIT.CONFIG, { where: `SELinux: ${path}`, reason, remedy, commands });
}
