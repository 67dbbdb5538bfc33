import { inEach } from './words.ts';

/**
 * The table `users` of "virtual hosting" with Sendmail, procmail and Dovecot. A user with `alias_for` has no mailbox
 * and stands for that address. A user with `forward` has a mailbox, but the mail goes elsewhere. It needs an index on
 * domain and userpart.
 */
export const users = inEach(['postgresql', 'mysql', 'sqlite'], ({ folded, same }) => {
  const named = `${folded('u.domain')} = ${folded(':domain')} and ${folded('u.userpart')} = ${folded(':local')}`;
  return {
    mailbox: `
      select u.userpart as local, u.domain, '' as value
      from users u
      where ${named} and u.userpart <> '' and coalesce(u.alias_for, '') = ''`,

    alias: `
      select u.userpart as local, u.domain, coalesce(nullif(u.alias_for, ''), u.forward) as value
      from users u
      where ${named} and (u.alias_for <> '' or u.forward <> '')`,

    domain: `
      select u.domain, 'mailbox' as value
      from users u
      where ${folded('u.domain')} = ${folded(':domain')} and ${same('u.domain', ':domain')}
      limit 1`,
  };
});
