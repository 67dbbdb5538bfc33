import { inEach } from './words.ts';

/**
 * PostfixAdmin 4.0. It stores names in lower case. An alias domain is in `domain`, too. Everything in a deactivated
 * domain counts as deactivated. This is also true if DOCUMENTS/POSTFIX_CONF.txt asks only for the mailbox: there, the
 * query for the domain refuses it.
 */
export const postfixadmin = inEach(['postgresql', 'mysql', 'sqlite'], ({ concat, localOf, same }) => {
  const atTarget = concat(':local', "'@'", 'o.target_domain');
  return {
    mailbox: `
      select m.username as address, '' as value,
        case when m.active and coalesce(d.active, true) then 'active' else 'disabled' end as state
      from mailbox m left join domain d on d.domain = m.domain
      where m.username = :address
      union all
      select ${concat('m.local_part', "'@'", 'o.alias_domain')}, '',
        case when m.active and o.active and coalesce(d.active, true) and coalesce(e.active, true)
          then 'active' else 'disabled' end
      from alias_domain o
        join mailbox m on m.username = ${atTarget}
        left join domain d on d.domain = m.domain
        left join domain e on e.domain = o.alias_domain
      where o.alias_domain = :domain`,

    // An alias of the alias domain itself comes before the one of its target.
    alias: `
      select a.address, a.goto as value
      from alias a left join domain d on d.domain = a.domain
      where a.address = :address and a.active and a.goto <> '' and coalesce(d.active, true)
      union all
      select ${concat(localOf('a.address', 'o.target_domain'), "'@'", 'o.alias_domain')}, a.goto
      from alias_domain o
        join alias a on a.address = ${atTarget}
        left join domain d on d.domain = a.domain
        left join domain e on e.domain = o.alias_domain
        left join alias own on own.address = :address and own.active and ${same('own.address', ':address')}
      where o.alias_domain = :domain and o.active and a.active and a.goto <> ''
        and coalesce(d.active, true) and coalesce(e.active, true) and own.address is null`,

    // `ALL` is not a domain: it stands for the rights of a super administrator.
    domain: `
      select d.domain,
        case when d.backupmx or d.transport like 'smtp%' or d.transport like 'relay%'
          then 'relay' else 'mailbox' end as value
      from domain d
      where d.domain = :domain and d.active and d.domain <> 'ALL'`,
  };
});
