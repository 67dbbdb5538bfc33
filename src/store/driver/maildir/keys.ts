import { complain, parsedBy, type Read, section, yesOrNo } from '../../../toml/type.ts';
import type { MailboxQuestion } from '../../../vocabulary.ts';
import type { Driver } from '../../driver.ts';
import { LENIENT } from '../../guard/canary.ts';
import { serverKeys } from '../../guard/keys.ts';
import { type Layout, parseLayout } from './layout.ts';

const path = parsedBy('a path with parameters, such as "/var/vmail/{domain}/{local}"', (raw): Layout => {
  const read = parseLayout(raw);
  if ('flaw' in read) throw new Error(`"${raw}" ${read.flaw}`);
  return read;
});

const keys = section({ path, quota: yesOrNo(false), ...serverKeys }, (raw, context) => {
  if (raw.canary.has('mailbox')) return;
  const remedy =
    'give a mailbox that exists: without it, folders that are not mounted look like mailboxes that are gone';
  complain(context, [{ key: 'canary.mailbox', reason: 'is missing', remedy }]);
});

/** The configuration of a maildir store. */
export type MaildirConfig = Read<typeof keys>;

/** The driver for mailboxes that are folders. */
export const maildir: Driver<MaildirConfig> = {
  package: null,
  keys,
  answers: ({ path: { domainSteps } }, { about }) =>
    about === 'mailbox' || (about === 'domain' && domainSteps !== null),
  canary: () => 'not needed', // the driver asks for the canary of mailboxes in the moment of each absence
  files: ({ path: { root } }) => [{ key: 'path', path: root, kind: 'folder', right: 'read' }],
  advice(_, { code, message }) {
    if (code === 'ENOENT') return { remedy: 'mount the file system, or correct path', commands: [] };
    if (code !== 'EACCES' && code !== 'EPERM') return null;
    const which = /'([^']*)'/.exec(message)?.[1] ?? 'the folders';
    return { remedy: `let the user of smmap enter ${which}, and list the folders of domains`, commands: [] };
  },
  load: () => import('./driver.ts'),
  async open(config) {
    const { createMaildir } = await import('./driver.ts');
    const { path: layout, quota } = config;
    const canaries = (config.canary.get('mailbox') ?? []).map(({ present }) => present as MailboxQuestion);
    return {
      servers: [{ name: 'maildir', bulk: createMaildir({ layout, quota, canaries }) }],
      guards: config,
      proves: LENIENT,
    };
  },
};
