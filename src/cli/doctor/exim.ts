import type { Config } from '../../config/config.ts';
import { type Endpoint, parseEndpoint } from '../../endpoint.ts';
import { EXIT } from '../error.ts';
import { type Finding, mistake } from '../finding.ts';
import { accountOf, outputOf } from '../system.ts';
import type { Asked, MailServer } from './asked.ts';
import { checkAliasDomains } from './domains.ts';
import { filesWith, replaceText, withIncluded } from './edit.ts';
import { domainsFor, INCLUDE } from './exim-domains.ts';

const NAME = 'Exim';
const RESTART = 'systemctl restart exim4';

/** The Exim of this machine, with what is wrong with it alone. Null: there is none. */
export function examineExim(ours: Config): { readonly server: MailServer; readonly findings: Finding[] } | null {
  const program = ['exim4', 'exim'].find((each) => outputOf(each, ['-bV']) !== null);
  const config = program === undefined ? null : outputOf(program, ['-bP', 'config']);
  if (program === undefined || config === null) return null;
  const setting = (name: string): string =>
    /^\w+ = (.*)$/m.exec(outputOf(program, ['-bP', name]) ?? '')?.[1] ?? outputOf(program, ['-bP', name])?.trim() ?? '';
  const file = setting('configure_file');
  const account = accountOf(setting('exim_user'));
  const asked = askedBy(config, file);
  const server = { name: NAME, protocol: 'netstring', tcp: true, account, restart: RESTART, asked } as const;
  const domains = checkAliasDomains(NAME, ours, asked, (map) => domainsFor(map, program, config, file, edit));
  return { server, findings: [...checkAcl(config, file, asked), ...domains] };
}

/** Each socket that Exim reads, with each name that its routers ask. */
function askedBy(config: string, file: string): Asked[] {
  const places = new Set(
    [...config.matchAll(/\$\{readsocket\{(\/[^\s{}]+|inet:[^\s{}]+)\}/g)].map(([, place = '']) => place),
  );
  const maps = new Set([...config.matchAll(/=\s*(\S+) \$\{lc:\$local_part\}@/g)].map(([, map = '']) => map));
  return [...places].flatMap((place) =>
    [...maps].map((map): Asked => {
      const server = parseEndpoint(place.replace(/^inet:/, 'tcp:'));
      const moveTo = (next: Endpoint): readonly string[] => {
        const to = next.kind === 'unix' ? next.path : `inet:${next.host}:${next.port}`;
        return replace(file, `{${place}}`, `{${to}}`);
      };
      return { where: 'readsocket', server, map, kind: map === 'virtual' ? 'alias' : 'mailbox', moveTo };
    }),
  );
}

const OLD = '{<{$recipients_count}{${eval:$rcpt_count/2}}}';
const NEW = '{>{$rcpt_fail_count}{${eval:$rcpt_count/2}}}';
const VERB = /^\s*(accept|defer|deny|discard|drop|require|warn)\b/;

/**
 * This rule of Exim's example counts deferred recipients as bad ones, so in an outage of smmap it refuses mailboxes. With a `defer`
 * on the same condition before it, as `smmap mta exim` prints, it does no harm.
 */
function checkAcl(config: string, file: string, asked: readonly Asked[]): Finding[] {
  if (asked.length === 0) return [];
  let verb = '';
  for (const line of config.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
    verb = VERB.exec(line)?.[1] ?? verb;
    if (!/\bcondition\b.*\$rcpt_count\b.*\{<\{\$recipients_count\}/.test(line)) continue;
    if (verb === 'defer') return [];
    const reason =
      'the ACL rule "too many bad recipients" counts deferred recipients, so in an outage it refuses mailboxes that exist (550) ' +
      'from the eleventh recipient of a mail on';
    const commands = replace(file, OLD, NEW);
    return [mistake(EXIT.CONFIG, { where: `${NAME}: ${file}`, reason, remedy: 'count only refused ones', commands })];
  }
  return [];
}

/** Commands that replace a text in the configuration. */
function replace(file: string, old: string, next: string): readonly string[] {
  return edit(file, old, replaceText(old, next));
}

/** Commands that change those files that have a text. Debian makes the configuration of those in /etc/exim4. */
function edit(file: string, text: string, change: string): readonly string[] {
  if (file.startsWith('/var/lib/exim4/')) {
    return [`grep -rlF '${text}' /etc/exim4 | xargs ${change}`, 'update-exim4.conf', RESTART];
  }
  const files = filesWith(withIncluded(file, INCLUDE), text);
  return [`${change} ${(files.length > 0 ? files : [file]).join(' ')}`, RESTART];
}
