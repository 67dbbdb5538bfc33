import { inEach } from './words.ts';

/**
 * The table `users` of Dovecot's own example (dovecot-sql.conf.ext of 2.3). It has no index, but needs one on domain
 * and username.
 */
export const dovecot = inEach(['postgresql', 'mysql', 'sqlite'], ({ folded, same }) => ({
  mailbox: `
    select u.username as local, u.domain, '' as value,
      case when u.active = 'Y' then 'active' else 'disabled' end as state
    from users u
    where ${folded('u.domain')} = ${folded(':domain')} and ${folded('u.username')} = ${folded(':local')}`,

  domain: `
    select u.domain, 'mailbox' as value
    from users u
    where ${folded('u.domain')} = ${folded(':domain')} and ${same('u.domain', ':domain')}
    limit 1`,
}));
