import type { MailboxOptions } from '../../src/map/mailbox-keys.ts';

/** The options of a mailbox map that follows aliases and leaves details out, without a domain of its own. */
export const MAILBOX: MailboxOptions = {
  defaultDomain: null,
  localDomains: new Set(),
  aliasDomains: new Map(),
  separators: ['+'],
  fold: 'both',
  policy: 'ignore',
  folderCase: 'exact',
  sharedUser: null,
  states: { disabled: { kind: 'NOTFOUND' }, overquota: { kind: 'TEMP', reason: 'full' } },
  aliases: true,
  reply: 'key',
};
