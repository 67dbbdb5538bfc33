import { inEach } from './words.ts';

/**
 * mailcow: dockerized, database of 2026-02. It compares names without regard to case. `active` is 2 if mail is accepted
 * but nobody may log in. An alias domain has the mailboxes of its target, but not its aliases and not its catch-all.
 */
export const mailcow = inEach(['mysql'], ({ concat, same }) => ({
  // As in mailcow's relay_recipient_maps, every mailbox exists in a relay domain that accepts all recipients, unless the
  // domain has a catch-all: a catch-all takes only what has no mailbox.
  mailbox: `
    select m.username as address, '' as value,
      case when m.active in (1, 2) and coalesce(d.active, 1) = 1 then 'active' else 'disabled' end as state
    from mailbox m left join domain d on d.domain = m.domain
    where m.username = :address
    union all
    select ${concat('m.local_part', "'@'", 'o.alias_domain')}, '',
      case when m.active in (1, 2) and o.active = 1 and coalesce(d.active, 1) = 1 then 'active' else 'disabled' end
    from alias_domain o
      join mailbox m on m.username = ${concat(':local', "'@'", 'o.target_domain')}
      left join domain d on d.domain = m.domain
    where o.alias_domain = :domain
    union all
    select ${concat(':local', "'@'", 'r.domain')}, '', 'active'
    from domain r
      left join alias c on c.address = ${concat("'@'", 'r.domain')} and c.active in (1, 2) and c.goto <> ''
    where r.domain = :domain and r.active = 1 and r.backupmx = 1 and r.relay_all_recipients = 1 and c.address is null`,

  // In this order: aliases, rooms and things that take no mail, temporary addresses, mailboxes of an alias domain, and
  // recipient maps. Its Postfix asks those as recipient_canonical_maps, so an address in them is a recipient, too.
  alias: `
    select a.address, a.goto as value
    from alias a left join domain d on d.domain = a.domain
    where a.address = :address and a.active in (1, 2) and a.goto <> '' and coalesce(d.active, 1) = 1
    union all
    select m.username, 'null@localhost'
    from mailbox m
    where m.username = :address and m.kind regexp 'location|thing|group'
    union all
    select s.address, s.goto
    from spamalias s
    where s.address = :address and (s.validity >= unix_timestamp() or s.permanent <> 0)
    union all
    select ${concat('m.local_part', "'@'", 'o.alias_domain')}, m.username
    from alias_domain o
      join mailbox m on m.username = ${concat(':local', "'@'", 'o.target_domain')}
      left join domain d on d.domain = m.domain
    where o.alias_domain = :domain and o.active = 1 and m.active in (1, 2) and coalesce(d.active, 1) = 1
    union all
    select r.old_dest, r.new_dest
    from recipient_maps r
      left join alias own on own.address = :address and own.active in (1, 2) and own.goto <> ''
        and ${same('own.address', ':address')}
    where r.old_dest = :address and r.active = 1 and own.address is null`,

  domain: `
    select d.domain, case when d.backupmx = 1 then 'relay' else 'mailbox' end as value
    from domain d
    where d.domain = :domain and d.active = 1
    union all
    select o.alias_domain, 'mailbox'
    from alias_domain o
    where o.alias_domain = :domain and o.active = 1`,
}));
