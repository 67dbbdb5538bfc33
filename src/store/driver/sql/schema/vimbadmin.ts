import { inEach } from './words.ts';

/** ViMbAdmin 3.4, which has no alias domains. It stores names in lower case. */
export const vimbadmin = inEach(['mysql'], () => ({
  mailbox: `
    select m.username as address, '' as value,
      case when m.active = 1 and coalesce(d.active, 1) = 1 then 'active' else 'disabled' end as state
    from mailbox m left join domain d on d.id = m.Domain_id
    where m.username = :address`,

  alias: `
    select a.address, a.goto as value
    from alias a left join domain d on d.id = a.Domain_id
    where a.address = :address and a.active = 1 and a.goto <> '' and coalesce(d.active, 1) = 1`,

  domain: `
    select d.domain, case when d.backupmx = 1 then 'relay' else 'mailbox' end as value
    from domain d
    where d.domain = :domain and d.active = 1`,
}));
