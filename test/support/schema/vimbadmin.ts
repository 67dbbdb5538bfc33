// ViMbAdmin 3.4.1: the tables as Doctrine makes them of doctrine2/xml (and data/vagrant-base.sql has them), and the queries of
// its wiki, "Mail System Install on Ubuntu".

import { BEYOND_MYSQL, type Fixture } from './fixture.ts';

const TABLE = 'engine=InnoDB default charset=utf8 collate=utf8_unicode_ci';
const DATES = `created datetime not null default '2013-01-01', modified datetime default null`;

export const vimbadmin: Fixture = {
  name: 'vimbadmin',
  definitions: {
    mysql: [
      `create table domain (id bigint(20) not null auto_increment, domain varchar(255) not null,
        description varchar(255) default null, max_aliases int(11) not null default 0, max_mailboxes int(11) not null default 0,
        quota bigint(20) not null default 0, transport varchar(255) not null default 'virtual',
        backupmx tinyint(1) not null default 0, active tinyint(1) not null default 1, homedir varchar(255) default null,
        maildir varchar(255) default null, uid int(11) default null, gid int(11) default null, ${DATES}, primary key (id),
        unique key IX_Domain_1 (domain)) ${TABLE}`,
      `create table alias (id bigint(20) not null auto_increment, address varchar(255) not null, goto longtext not null,
        active tinyint(1) not null default 1, ${DATES}, Domain_id bigint(20) default null, primary key (id),
        unique key IX_Address_1 (address), key IDX_E16C6B9493AE8C46 (Domain_id),
        constraint FK_E16C6B9493AE8C46 foreign key (Domain_id) references domain (id)) ${TABLE}`,
      `create table mailbox (id bigint(20) not null auto_increment, username varchar(255) not null,
        password varchar(255) not null, name varchar(255) default null, quota bigint(20) not null default 0,
        local_part varchar(255) not null, active tinyint(1) not null default 0,
        access_restriction varchar(100) not null default 'ALL', homedir varchar(255) default null,
        maildir varchar(255) default null, delete_pending tinyint(1) default 0, ${DATES}, Domain_id bigint(20) default null,
        primary key (id), unique key IX_Username_1 (username), key IDX_A69FE20B93AE8C46 (Domain_id),
        constraint FK_A69FE20B93AE8C46 foreign key (Domain_id) references domain (id)) ${TABLE}`,
    ],
  },
  rows: [
    `insert into domain (id, domain, active, backupmx) values (1, 'example.org', 1, 0), (2, 'off.example', 0, 0),
      (3, 'backup.example', 1, 1), (4, 'former.example', 0, 1), (5, 'forwards.example', 1, 0)`,
    `insert into mailbox (username, password, local_part, Domain_id, active, delete_pending) values
      ('fred@example.org', '', 'fred', 1, 1, 0), ('gone@example.org', '', 'gone', 1, 0, 0),
      ('purged@example.org', '', 'purged', 1, 0, 1), ('fred@off.example', '', 'fred', 2, 1, 0),
      ('joé@example.org', '', 'joé', 1, 1, 0), ('Caps@example.org', '', 'Caps', 1, 1, 0),
      ('tail@example.org', '', 'tail', 1, 1, 0), ('stray@example.org', '', 'stray', null, 1, 0)`,
    `insert into alias (address, goto, Domain_id, active) values ('fred@example.org', 'fred@example.org', 1, 1),
      ('all@example.org', 'fred@example.org,pat@example.com', 1, 1), ('past@example.org', 'fred@example.org', 1, 0),
      ('none@example.org', '', 1, 1), ('info@off.example', 'fred@example.org', 2, 1),
      ('@example.org', 'fred@example.org', 1, 1), ('@forwards.example', '@example.org', 5, 1),
      ('jané@example.org', 'fred@example.org', 1, 1)`,
  ],
  many: [
    `insert into domain (id, domain) select 1000 + n, concat('d', n, '.test') from {numbers} where n <= 1000`,
    `insert into mailbox (username, password, local_part, Domain_id, active)
      select concat('u', n, '@d', n % 1000 + 1, '.test'), '', concat('u', n), 1001 + n % 1000, 1 from {numbers}`,
    `insert into alias (address, goto, Domain_id) select username, username, Domain_id from mailbox where local_part like 'u%'`,
  ],
  reads: {
    domain: ['id', 'domain', 'active', 'backupmx'],
    mailbox: ['username', 'active', 'Domain_id'],
    alias: ['address', 'goto', 'active', 'Domain_id'],
  },
  expectations: [
    ['finds a mailbox', 'mailbox', 'fred@example.org', 'active'],
    ['does not find nobody', 'mailbox', 'nobody@example.org', null],
    ['finds a deactivated mailbox disabled', 'mailbox', 'gone@example.org', 'disabled'],
    ['finds a mailbox that waits for its deletion disabled', 'mailbox', 'purged@example.org', 'disabled'],
    ['finds a mailbox in a deactivated domain disabled', 'mailbox', 'fred@off.example', 'disabled'],
    ['finds a mailbox without a domain', 'mailbox', 'stray@example.org', 'active'],
    ['finds a mailbox with an accent', 'mailbox', 'joé@example.org', 'active'],
    ['does not find joé for joe', 'mailbox', 'joe@example.org', null],
    ['does not find what takes four octets', 'mailbox', '\u{1f600}@example.org', BEYOND_MYSQL],
    ['does not find a mailbox for its name with a blank', 'mailbox', 'tail @example.org', null],
    ['finds capitals', 'mailbox', 'caps@example.org', 'active'],
    ['does not find a mailbox in another case when asked exactly', 'exact mailbox', 'Fred@example.org', null],

    ['answers the mailbox itself', 'alias', 'fred@example.org', 'fred@example.org'],
    ['answers all targets', 'alias', 'all@example.org', 'fred@example.org, pat@example.com'],
    ['does not answer a deactivated alias', 'alias', 'past@example.org', null],
    ['does not answer an alias without a target', 'alias', 'none@example.org', null],
    ['does not answer an alias in a deactivated domain', 'alias', 'info@off.example', null],
    ['does not answer nobody', 'alias', 'nobody@example.org', null],
    ['does not answer jané for jane', 'alias', 'jane@example.org', null],
    ['answers a catch-all', 'alias', '@example.org', 'fred@example.org'],
    ['answers an alias for a whole domain', 'alias', '@forwards.example', '@example.org'],
    ['does not answer a catch-all that is not there', 'alias', '@off.example', null],

    ['has a domain with mailboxes', 'domain', 'example.org', 'mailbox'],
    ['has a domain of which it is the backup MX', 'domain', 'backup.example', 'relay'],
    ['has no deactivated domain', 'domain', 'off.example', null],
    ['has no deactivated backup domain', 'domain', 'former.example', null],
    ['has no other domain', 'domain', 'example.com', null],
  ],
};
