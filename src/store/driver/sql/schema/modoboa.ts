import { inEach } from './words.ts';

/**
 * Modoboa 2.9. It stores names in lower case. A domain alias is a virtual alias domain there: nothing is delivered to
 * it. So its class is `alias`, and each address of its target domain is an alias that leads to the target. Modoboa
 * itself also rewrites unknown addresses, and learns by reject_unverified_recipient that they do not exist. Here they
 * are certainly absent, unless the target relays.
 */
export const modoboa = inEach(['postgresql', 'mysql', 'sqlite'], ({ concat, localOf, now }) => {
  const receives = 'u.is_active and d.enabled and not m.is_send_only';
  const valid = `a.enabled and (a.expire_at is null or a.expire_at > ${now})`;
  return {
    mailbox: `
      select m.address as local, d.name as domain, '' as value,
        case when ${receives} then 'active' else 'disabled' end as state
      from admin_domain d
        join admin_mailbox m on m.domain_id = d.id and m.address = :local
        join core_user u on u.id = m.user_id
      where d.name = :domain
      union all
      select m.address, o.name, '', case when ${receives} and o.enabled then 'active' else 'disabled' end
      from admin_domainalias o
        join admin_domain d on d.id = o.target_id
        join admin_mailbox m on m.domain_id = d.id and m.address = :local
        join core_user u on u.id = m.user_id
      where o.name = :domain`,

    // Modoboa's own row for a domain alias (internal, without a domain) leads every address to the target. It is left
    // out, because the queries after it are exact.
    alias: `
      select a.address, r.address as value
      from admin_alias a
        join modoboa_admin_aliasrecipient r on r.alias_id = a.id
        left join admin_domain d on d.id = a.domain_id
      where a.address = :address and ${valid} and coalesce(d.enabled, not a.internal)
      union all
      select ${concat(localOf('a.address', 'd.name'), "'@'", 'o.name')}, a.address
      from admin_domainalias o
        join admin_domain d on d.id = o.target_id
        join admin_alias a on a.address = ${concat(':local', "'@'", 'd.name')}
      where o.name = :domain and o.enabled and d.enabled and ${valid}
      union all
      select ${concat('m.address', "'@'", 'o.name')}, ${concat('m.address', "'@'", 'd.name')}
      from admin_domainalias o
        join admin_domain d on d.id = o.target_id
        join admin_mailbox m on m.domain_id = d.id and m.address = :local
        join core_user u on u.id = m.user_id
      where o.name = :domain and o.enabled and ${receives}
      union all
      select ${concat("'@'", 'o.name')}, ${concat("'@'", 'd.name')}
      from admin_domainalias o join admin_domain d on d.id = o.target_id
      where :local = '' and o.name = :domain and o.enabled and d.enabled and d.type = 'relaydomain'`,

    domain: `
      select d.name as domain, case when d.type = 'relaydomain' then 'relay' else 'mailbox' end as value
      from admin_domain d
      where d.name = :domain and d.enabled
      union all
      select o.name, 'alias'
      from admin_domainalias o join admin_domain d on d.id = o.target_id
      where o.name = :domain and o.enabled and d.enabled`,
  };
});
