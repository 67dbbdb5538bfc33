import { type Endpoint, parseEndpoint } from '../../endpoint.ts';
import type { Finding } from '../finding.ts';
import { accountOf } from '../system.ts';
import type { Asked, MailServer } from './asked.ts';
import { replaceIn, textOf, withIncluded } from './edit.ts';

const NAME = 'OpenSMTPD';
const RESTART = 'systemctl restart opensmtpd';
/** Debian; Alpine and Arch; Fedora; as OpenBSD has it. */
const FILES = ['/etc/smtpd.conf', '/etc/smtpd/smtpd.conf', '/etc/opensmtpd/smtpd.conf', '/etc/mail/smtpd.conf'];
/** The user of the programs that read its tables: of Debian, of OpenBSD, of others. */
const USERS = ['opensmtpd', '_smtpd', 'smtpd'];
const INCLUDE = /^\s*include\s+"([^"]+)"/gm;

/** The OpenSMTPD of this machine. Null: there is none. */
export function examineOpensmtpd(): { readonly server: MailServer; readonly findings: Finding[] } | null {
  const file = FILES.find((each) => textOf(each) !== '');
  if (file === undefined) return null;
  const files = withIncluded(file, INCLUDE);
  const account = USERS.map((each) => accountOf(each)).find((each) => each !== null) ?? null;
  const text = files.map((each) => withoutComments(textOf(each))).join('\n');
  const programs = askedBy(text, files, 'smmap');
  const lines = askedBy(text, files, 'socketmap');
  const how =
    programs.length > 0
      ? ({ protocol: 'netstring', tcp: true, asked: programs } as const)
      : ({ protocol: 'line', tcp: false, asked: lines } as const);
  return { server: { name: NAME, account, restart: RESTART, ...how }, findings: [] };
}

/** Comments end at the end of the line. A line that ends with a backslash continues. */
function withoutComments(text: string): string {
  return text.replaceAll(/^((?:[^"#\n]|"[^"\n]*")*)#.*$/gm, '$1').replaceAll(/\\\n/g, ' ');
}

/**
 * `table "NAME" smmap:PLACE` or `table "NAME" socketmap:PATH`, or `table NAME $macro`. smtpd asks the table NAME as the map
 * NAME.
 */
function askedBy(text: string, files: readonly string[], program: 'smmap' | 'socketmap'): Asked[] {
  const macros = new Map([...text.matchAll(/^\s*(\w+)\s*=\s*"([^"]*)"/gm)].map(([, name, value]) => [name, value]));
  return [...text.matchAll(/^\s*table\s+"?([^\s"]+)"?\s+(?:"([^"]*)"|\$(\w+)|(\S+))/gm)].flatMap(
    ([, map = '', inQuotes, macro, bare]): Asked[] => {
      const value = inQuotes ?? bare ?? macros.get(macro) ?? '';
      const place = value.startsWith(`${program}:`) ? value.slice(program.length + 1) : '';
      if (!/^(?:\/|unix:|tcp:)/.test(place)) return [];
      const moveTo = (next: Endpoint): readonly string[] =>
        next.kind === 'unix' ? [replaceIn(files, value, `${program}:${next.path}`), RESTART] : [];
      return [{ where: `table ${map}`, server: parseEndpoint(place), map, moveTo, ...useOf(map, text) }];
    },
  );
}

/** What an action does with a table. A userbase is asked without the domain, and replies uid:gid:home. */
function useOf(map: string, text: string): Pick<Asked, 'kind' | 'needs'> {
  const table = `<"?${map.replaceAll(/\W/g, String.raw`\$&`)}"?>`;
  const aliases = new RegExp(String.raw`\b(?:virtual|alias)\s+${table}`);
  if (new RegExp(String.raw`\bfor domain\s+${table}`).test(text))
    return { kind: 'domain', needs: ['class = "mailbox"'] };
  if (new RegExp(String.raw`\brcpt-to\s+${table}`).test(text) && !aliases.test(text)) return { kind: 'mailbox' };
  if (aliases.test(text)) return { kind: 'alias' };
  const [, action] = new RegExp(String.raw`^\s*action\s+"?([^\s"]+)"?.*\buserbase\s+${table}`, 'm').exec(text) ?? [];
  if (action === undefined) return { kind: 'table' };
  const matches = [...text.matchAll(/^\s*match\b.*\bfor domain\s+\{?\s*"?([\w.-]+)"?.*\baction\s+"?([^\s"]+)"?/gm)];
  const domain = matches.find(([, , name]) => name === action)?.[1];
  const needs = [...(domain === undefined ? [] : [`default_domain = "${domain}"`]), 'reply = { text = "8:8:/" }'];
  return { kind: 'mailbox', needs };
}
