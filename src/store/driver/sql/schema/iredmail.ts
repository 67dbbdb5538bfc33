import { inEach } from './words.ts';

/**
 * iRedMail 1.8, database vmail. It stores names in lower case. Everything that leads from one address to another is in
 * `forwardings`, a row for each target: members of aliases and lists, forwarding of users, and each mailbox itself. A
 * catch-all has the bare domain as its address. An alias domain is not in `domain`. iRedMail's own queries ignore
 * `expired`; so do these.
 */
export const iredmail = inEach(['postgresql', 'mysql'], ({ concat, localOf }) => {
  const atTarget = concat(':local', "'@'", 'o.target_domain');
  return {
    mailbox: `
      select m.username as address, '' as value,
        case when m.active = 1 and m.enabledeliver = 1 and d.active = 1 then 'active' else 'disabled' end as state
      from mailbox m join domain d on d.domain = m.domain
      where m.username = :address
      union all
      select ${concat(localOf('m.username', 'm.domain'), "'@'", 'o.alias_domain')}, '',
        case when m.active = 1 and m.enabledeliver = 1 and d.active = 1 and o.active = 1 then 'active' else 'disabled' end
      from alias_domain o
        join mailbox m on m.username = ${atTarget}
        join domain d on d.domain = m.domain
      where o.alias_domain = :domain`,

    // An address, a catch-all, and both again for an alias domain.
    alias: `
      select f.address, f.forwarding as value
      from forwardings f join domain d on d.domain = f.domain
      where f.address = :address and f.active = 1 and d.active = 1 and d.backupmx = 0
      union all
      select ${concat("'@'", 'f.address')}, f.forwarding
      from forwardings f join domain d on d.domain = f.address
      where :local = '' and f.address = :domain and f.active = 1 and d.active = 1 and d.backupmx = 0
      union all
      select ${concat(localOf('f.address', 'o.target_domain'), "'@'", 'o.alias_domain')}, f.forwarding
      from alias_domain o
        join domain d on d.domain = o.target_domain
        join forwardings f on f.address = ${atTarget}
      where o.alias_domain = :domain and o.active = 1 and f.active = 1 and d.active = 1 and d.backupmx = 0
      union all
      select ${concat("'@'", 'o.alias_domain')}, f.forwarding
      from alias_domain o
        join domain d on d.domain = o.target_domain
        join forwardings f on f.address = o.target_domain
      where :local = '' and o.alias_domain = :domain and o.active = 1 and f.active = 1 and d.active = 1`,

    domain: `
      select d.domain, case when d.backupmx = 1 then 'relay' else 'mailbox' end as value
      from domain d
      where d.domain = :domain and d.active = 1
      union all
      select o.alias_domain, 'mailbox'
      from alias_domain o join domain d on d.domain = o.target_domain
      where o.alias_domain = :domain and o.active = 1 and d.active = 1 and d.backupmx = 0`,
  };
});
