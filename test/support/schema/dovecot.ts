// Dovecot 2.3: doc/example-config/dovecot-sql.conf.ext. It gives the table no index.

import type { Fixture } from './fixture.ts';

const TABLE = `create table users (username varchar(128) not null, domain varchar(128) not null, password varchar(64) not null,
  home varchar(255) not null, uid integer not null, gid integer not null, active char(1) default 'Y' not null)`;
const FOLDED = ['create index smmap_users on users (lower(domain), lower(username))'];

export const dovecot: Fixture = {
  name: 'dovecot',
  definitions: {
    postgresql: [TABLE],
    mysql: [`${TABLE} character set utf8mb4 collate utf8mb4_general_ci`],
    sqlite: [TABLE],
  },
  indexes: { postgresql: FOLDED, mysql: ['create index smmap_users on users (domain, username)'], sqlite: FOLDED },
  rows: [
    `insert into users (username, domain, password, home, uid, gid, active) values
      ('fred', 'example.org', '', '', 8, 8, 'Y'), ('gone', 'example.org', '', '', 8, 8, 'N'),
      ('gone', 'off.example', '', '', 8, 8, 'N'), ('joé', 'example.org', '', '', 8, 8, 'Y'),
      ('Caps', 'Example.ORG', '', '', 8, 8, 'Y'), ('tail', 'example.org', '', '', 8, 8, 'Y'),
      ('blank ', 'example.org', '', '', 8, 8, 'Y'), ('two', 'example.org', '', '', 8, 8, 'N'),
      ('Two', 'example.org', '', '', 8, 8, 'Y'), ('fred', 'bücher.example', '', '', 8, 8, 'Y'),
      ('fred', 'bucher.example', '', '', 8, 8, 'Y')`,
  ],
  many: [
    `insert into users (username, domain, password, home, uid, gid)
      select concat('u', n), concat('d', n % 10 + 1, '.test'), '', '', 8, 8 from {numbers}`,
  ],
  reads: { users: ['username', 'domain', 'active'] },
  expectations: [
    ['finds a mailbox', 'mailbox', 'fred@example.org', 'active'],
    ['does not find nobody', 'mailbox', 'nobody@example.org', null],
    ['does not find a user of another domain', 'mailbox', 'tail@off.example', null],
    ['finds a deactivated user disabled', 'mailbox', 'gone@example.org', 'disabled'],
    ['finds who is there twice, active once', 'mailbox', 'two@example.org', 'active'],
    ['finds a mailbox with an accent', 'mailbox', 'joé@example.org', 'active'],
    ['does not find joé for joe', 'mailbox', 'joe@example.org', null],
    ['does not find a mailbox for its name with a blank', 'mailbox', 'tail @example.org', null],
    ['does not find a name with a blank for one without', 'mailbox', 'blank@example.org', null],
    ['finds capitals', 'mailbox', 'caps@example.org', 'active'],
    ['does not find a mailbox in another case when asked exactly', 'exact mailbox', 'Fred@example.org', null],
    ['finds a mailbox by its name exactly', 'exact mailbox', 'Caps@example.org', 'active'],

    ['has a domain with mailboxes', 'domain', 'example.org', 'mailbox'],
    ['has a domain of which all users are deactivated', 'domain', 'off.example', 'mailbox'],
    ['has a domain that a lookalike could hide', 'domain', 'bucher.example', 'mailbox'],
    ['has no other domain', 'domain', 'example.com', null],
  ],
};
