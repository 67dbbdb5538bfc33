// The table of "A schema with fields as simple as these are adequate", section 9 of the paper on virtual hosting with Sendmail,
// procmail and Dovecot, with its fields for forwarding and aliases.

import type { Fixture } from './fixture.ts';

const TABLE = `create table users (username varchar(60) primary key, password varchar(32) not null, userpart varchar(60) not null,
  domain varchar(60) not null, forward varchar(128), alias_for varchar(128))`;
const FOLDED = ['create index smmap_users on users (lower(domain), lower(userpart))'];

export const users: Fixture = {
  name: 'users',
  definitions: {
    postgresql: [TABLE],
    mysql: [`${TABLE} character set utf8mb4 collate utf8mb4_general_ci`],
    sqlite: [TABLE],
  },
  indexes: { postgresql: FOLDED, mysql: ['create index smmap_users on users (domain, userpart)'], sqlite: FOLDED },
  rows: [
    `insert into users (username, password, userpart, domain, forward, alias_for) values
      ('fred@example.org', '', 'fred', 'example.org', null, null), ('sue@example.org', '', 'sue', 'example.org', '', ''),
      ('away@example.org', '', 'away', 'example.org', 'pat@example.com', null),
      ('info@example.org', '', 'info', 'example.org', null, 'fred@example.org'),
      ('both@example.org', '', 'both', 'example.org', 'pat@example.com', 'fred@example.org'),
      ('all@example.org', '', 'all', 'example.org', null, 'fred@example.org,sue@example.org'),
      ('joé@example.org', '', 'joé', 'example.org', null, null), ('Caps', '', 'Caps', 'Example.ORG', null, null),
      ('tail@example.org', '', 'tail', 'example.org', null, null), ('blank', '', 'blank ', 'example.org', null, null),
      ('jané@example.org', '', 'jané', 'example.org', null, 'fred@example.org'),
      ('@stands.example', '', '', 'stands.example', null, '@example.org'),
      ('fred@bücher.example', '', 'fred', 'bücher.example', null, null),
      ('joe@bucher.example', '', 'joe', 'bucher.example', null, null)`,
  ],
  many: [
    `insert into users (username, password, userpart, domain)
      select concat('u', n, '@d', n % 10 + 1, '.test'), '', concat('u', n), concat('d', n % 10 + 1, '.test') from {numbers}`,
  ],
  reads: { users: ['userpart', 'domain', 'forward', 'alias_for'] },
  expectations: [
    ['finds a mailbox', 'mailbox', 'fred@example.org', 'active'],
    ['finds a mailbox with empty fields', 'mailbox', 'sue@example.org', 'active'],
    ['finds a mailbox that forwards', 'mailbox', 'away@example.org', 'active'],
    ['finds no mailbox of an alias', 'mailbox', 'info@example.org', null],
    ['finds no mailbox of an alias with empty fields', 'mailbox', 'both@example.org', null],
    ['does not find nobody', 'mailbox', 'nobody@example.org', null],
    ['does not find a user of another domain', 'mailbox', 'fred@stands.example', null],
    ['finds a mailbox with an accent', 'mailbox', 'joé@example.org', 'active'],
    ['does not find joé for joe', 'mailbox', 'joe@example.org', null],
    ['does not find a mailbox for its name with a blank', 'mailbox', 'tail @example.org', null],
    ['does not find a name with a blank for one without', 'mailbox', 'blank@example.org', null],
    ['finds capitals', 'mailbox', 'caps@example.org', 'active'],
    ['does not find a mailbox in another case when asked exactly', 'exact mailbox', 'Fred@example.org', null],

    ['answers where a user forwards to', 'alias', 'away@example.org', 'pat@example.com'],
    ['answers for whom an alias stands', 'alias', 'info@example.org', 'fred@example.org'],
    ['answers for whom an alias stands before where it forwards to', 'alias', 'both@example.org', 'fred@example.org'],
    ['answers all targets', 'alias', 'all@example.org', 'fred@example.org, sue@example.org'],
    ['does not answer a mailbox', 'alias', 'fred@example.org', null],
    ['does not answer a mailbox with empty fields', 'alias', 'sue@example.org', null],
    ['does not answer nobody', 'alias', 'nobody@example.org', null],
    ['does not answer jané for jane', 'alias', 'jane@example.org', null],
    ['answers a whole domain', 'alias', '@stands.example', '@example.org'],

    ['has a domain with mailboxes', 'domain', 'example.org', 'mailbox'],
    ['has a domain with an alias alone', 'domain', 'stands.example', 'mailbox'],
    ['has a domain that a lookalike could hide', 'domain', 'bucher.example', 'mailbox'],
    ['has no other domain', 'domain', 'example.com', null],
  ],
};
