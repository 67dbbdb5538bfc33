import { createServer, type Server, type Socket } from 'node:net';
import { BerWriter } from 'ldapts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLdap, type LdapOptions } from '../../src/store/driver/ldap/driver.ts';
import { parseFilter } from '../../src/store/driver/ldap/filter.ts';
import { PRESETS } from '../../src/store/driver/ldap/presets.ts';
import type { LdapSearch } from '../../src/store/driver/ldap/search.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { QuestionError, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import {
  type Attributes,
  BLIND,
  READER,
  READER_PASSWORD,
  SMALL,
  SUFFIX,
  type Slapd,
  findSlapd,
} from '../support/slapd.ts';
import { describePart, PARTS } from './part.ts';

const TIMEOUT_MS = 1_000;
const USERS = 40;

describePart('a real slapd', findSlapd(PARTS), (part) => {
  let slapd: Slapd;
  const opened: { close(): unknown }[] = [];
  const started: Slapd[] = [];
  const launch: typeof part.start = async (options) => {
    const server = await part.start(options);
    started.push(server);
    return server;
  };
  beforeAll(async () => {
    slapd = await launch();
    await fill(slapd);
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await slapd.start();
  });
  afterAll(async () => {
    for (const each of started) await each.stop();
  });

  const optionsFor = (more: Partial<LdapOptions> = {}): LdapOptions => ({
    url: slapd.ldap,
    startTls: false,
    tls: null,
    bind: as(READER),
    connections: 2,
    timeoutMs: TIMEOUT_MS,
    base: `ou=people,${SUFFIX}`,
    searches: PRESETS.mail,
    certain: true,
    domainScope: false,
    canaries: new Map(),
    ...more,
  });
  const open = (more: Partial<LdapOptions> = {}): Store => {
    const store = createBatch(createLdap(optionsFor(more)), { most: 100, inFlight: 2 });
    opened.push(store);
    return store;
  };

  describe('reached in every way', () => {
    const tls = (more: object = {}) => ({
      ca: slapd.tls.ca,
      cert: null,
      key: null,
      serverName: null,
      verify: true,
      ...more,
    });
    it.each<[string, () => Partial<LdapOptions>]>([
      ['ldapi with each slash as %2F', () => ({ url: slapd.ldapi })],
      ['ldapi with a plain path', () => ({ url: `ldapi://${decodeURIComponent(slapd.ldapi.slice(8))}` })],
      ['ldapi as the user of this process', () => ({ url: slapd.ldapi, bind: { kind: 'external' } })],
      ['ldaps', () => ({ url: slapd.ldaps, tls: tls() })],
      ['ldaps with a name of its own', () => ({ url: slapd.ldaps, tls: tls({ serverName: 'ldap.test' }) })],
      ['ldaps that is not verified', () => ({ url: slapd.ldaps, tls: tls({ ca: null, verify: false }) })],
      ['StartTLS', () => ({ startTls: true, tls: tls() })],
      [
        'StartTLS as whom our certificate says',
        () => ({ startTls: true, tls: tls({ ...slapd.tls }), bind: { kind: 'external' } }),
      ],
      [
        'ldaps as whom our certificate says',
        () => ({ url: slapd.ldaps, tls: tls({ ...slapd.tls }), bind: { kind: 'external' } }),
      ],
    ])('answers over %s', async (_, more) => {
      const store = open(more());
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
      expect(await store.lookup(mailbox('nobody'))).toBeNull();
    });

    it.each<[string, () => Partial<LdapOptions>, RegExp]>([
      ['an authority that is not trusted', () => ({ url: slapd.ldaps }), /self.signed|verify/],
      [
        'a certificate for another name',
        () => ({ url: slapd.ldaps, tls: tls({ serverName: 'other.test' }) }),
        /other\.test/,
      ],
      [
        'StartTLS and a certificate for another name',
        () => ({ startTls: true, tls: tls({ serverName: 'other.test' }) }),
        /other\.test/,
      ],
      ['a wrong password', () => ({ bind: as(READER, 'wrong') }), /invalidCredentials \(49\)/],
      ['an empty password', () => ({ bind: as(READER, '') }), /is empty/],
      ['an empty name', () => ({ bind: as('') }), /is empty/],
      [
        'a password that cannot be read',
        () => ({ bind: { kind: 'simple', dn: READER, password: () => Promise.reject(new Error('no file')) } }),
        /no file/,
      ],
      [
        'a password that never comes',
        () => ({ bind: { kind: 'simple', dn: READER, password: () => new Promise(() => {}) } }),
        /within/,
      ],
      ['a host that nobody listens on', () => ({ url: 'ldap://127.0.0.1:1' }), /ECONNREFUSED/],
      ['no socket', () => ({ url: 'ldapi:///nowhere/ldapi' }), /ENOENT/],
      ['a URL that is none', () => ({ url: 'http://x' }), /is not of the form ldap/],
    ])('fails, and is not absent, with %s', async (_, more, why) => {
      const store = open(more());
      for (const name of ['user1', 'nobody']) {
        const error = await failureOf(store.lookup(mailbox(name)));
        expect(error.message).toMatch(why);
        expect(error.message).not.toContain(READER_PASSWORD);
        expect(error).not.toBeInstanceOf(QuestionError);
      }
    });

    it('reads the password again for each bind, so a new one is used', async () => {
      let password = 'wrong';
      const store = open({ bind: { kind: 'simple', dn: READER, password: () => Promise.resolve(password) } });
      await failureOf(store.lookup(mailbox('user1')));
      password = READER_PASSWORD;
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
    });

    it('keeps no connection after close, and answers nothing', async () => {
      const bulk = createLdap(optionsFor());
      const asked = bulk.lookupAll([mailbox('user1')]);
      await bulk.close();
      await expect(asked).rejects.toThrow('closed');
      await expect(bulk.lookupAll([mailbox('user1')])).rejects.toThrow('closed');
    });
  });

  describe('whose answer is not a plain success', () => {
    it('is certain of nothing if the base of the search does not exist', async () => {
      const error = await failureOf(open({ base: `ou=gone,${SUFFIX}` }).lookup(mailbox('nobody')));
      expect(error.message).toContain('noSuchObject (32)');
      expect(error).toBeInstanceOf(QuestionError); // the base of another kind of question may well be there
    });

    it('is certain only of what it found within a size limit', async () => {
      const wide = { ...PRESETS.mail.mailbox, filter: filterOf('mailbox', '(|(mail=:address)(mail=*))'), state: null };
      const store = open({ bind: as(SMALL), searches: { mailbox: wide } });
      expect(await store.lookup(mailbox('user0'))).toEqual(ACTIVE); // the first to come
      const error = await failureOf(store.lookup(mailbox('user30')));
      expect(error.message).toContain('sizeLimitExceeded (4)');
      expect((await failureOf(store.lookup(mailbox('nobody')))).message).toContain('sizeLimitExceeded (4)');
    });

    it('is not certain of the targets of an alias if the answer was cut off', async () => {
      const filter = filterOf('alias', '(|(mail=:address)(mail=*))');
      const wide: LdapSearch = { base: null, scope: 'sub', filter, value: 'cn', state: null, identity: null };
      const store = open({ bind: as(SMALL), searches: { alias: wide } });
      expect((await failureOf(store.lookup(alias('user0')))).message).toContain('sizeLimitExceeded (4)');
    });

    it('does not treat a disabled entry as the only one if the answer was cut off', async () => {
      const wide: LdapSearch = {
        ...PRESETS.mail.mailbox,
        filter: filterOf('mailbox', '(|(mail=:address)(mail=*))'),
        state: {
          attribute: 'mail',
          values: Object.fromEntries(['user0', 'user1'].map((each) => [`${each}@example.org`, 'disabled'])),
        },
      };
      const store = open({ bind: as(SMALL), searches: { mailbox: wide } });
      expect((await failureOf(store.lookup(mailbox('user0')))).message).toContain('sizeLimitExceeded (4)');
    });

    it('is certain of nothing if a part is on another server', async () => {
      await slapd.add([
        [
          `ou=elsewhere,ou=people`,
          { objectClass: ['referral', 'extensibleObject'], ou: 'elsewhere', ref: 'ldap://127.0.0.1:1/o=x' },
        ],
      ]);
      const store = open();
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
      expect((await failureOf(store.lookup(mailbox('nobody')))).message).toContain('on another server');
      const filter = filterOf('alias', '(mail=:address)');
      const targets: LdapSearch = { base: null, scope: 'sub', filter, value: 'cn', state: null, identity: null };
      const aliases = open({ searches: { alias: targets } });
      expect((await failureOf(aliases.lookup(alias('user1')))).message).toContain('on another server');
      const whole = open({ base: `ou=elsewhere,ou=people,${SUFFIX}` });
      expect((await failureOf(whole.lookup(mailbox('nobody')))).message).toContain('referral (10)');
      await slapd.modify(
        `dn: ou=elsewhere,ou=people,${SUFFIX}\nchangetype: delete\ncontrol: 2.16.840.1.113730.3.4.2 true\n`.replace(
          /changetype: delete\ncontrol: (.*)\n/,
          'control: $1\nchangetype: delete\n',
        ),
      );
      expect(await store.lookup(mailbox('nobody'))).toBeNull();
    });

    it('has no mailbox in the referrals of Active Directory, except for other domains', async () => {
      const refer = (name: string, to: string): [string, Attributes] => [
        `ou=${name},ou=ad`,
        { objectClass: ['referral', 'extensibleObject'], ou: name, ref: `ldap://127.0.0.1:1/${to}` },
      ];
      await slapd.add([
        ['ou=ad', { objectClass: 'organizationalUnit' }],
        ['cn=gina,ou=ad', { objectClass: 'inetOrgPerson', sn: 'g', mail: 'gina@example.org' }],
        refer('dns', 'DC=DomainDnsZones,DC=example,DC=org'),
        refer('forest', 'DC=ForestDnsZones,DC=example,DC=org'),
        refer('configuration', 'CN=Configuration,DC=example,DC=org'),
      ]);
      const base = `ou=ad,${SUFFIX}`;
      for (const preset of ['active-directory', 'exchange'] as const) {
        const store = open({ base, searches: PRESETS[preset] });
        expect(await store.lookup(mailbox('gina'))).toEqual(ACTIVE);
        expect(await store.lookup(mailbox('nobody'))).toBeNull();
      }
      const remedy = /(?:dnszones|configuration),.*set base to .*port 3268 or 3269/i;
      const mail = open({ base, searches: { mailbox: PRESETS.mail.mailbox } });
      expect(await mail.lookup(mailbox('gina'))).toEqual(ACTIVE);
      expect((await failureOf(mail.lookup(mailbox('nobody')))).message).toMatch(remedy);
      await slapd.add([refer('child', 'DC=configuration2,DC=example,DC=org')]);
      const child = open({ base, searches: PRESETS['active-directory'] });
      expect(await child.lookup(mailbox('gina'))).toEqual(ACTIVE);
      expect((await failureOf(child.lookup(mailbox('nobody')))).message).toContain('/dc=configuration2,');
      const alone = open({ base, searches: PRESETS['active-directory'], domainScope: true });
      expect(await alone.lookup(mailbox('gina'))).toEqual(ACTIVE);
      expect(await alone.lookup(mailbox('nobody'))).toBeNull();
    });

    it('gets success without entries from a server that forbids reading, which only a canary can notice', async () => {
      expect(await open({ bind: as(BLIND) }).lookup(mailbox('user1'))).toBeNull();
      const without = open({ bind: as(BLIND), base: `ou=layouts,${SUFFIX}` });
      expect((await failureOf(without.lookup(mailbox('user1')))).message).toContain('noSuchObject');
      const error = await failureOf(open({ bind: { kind: 'anonymous' } }).lookup(mailbox('user1')));
      expect(error.message).toContain('noSuchObject');
    });

    it('needs only the rights that the documentation names', async () => {
      const server = await launch({
        database: `access to dn.subtree="ou=people,${SUFFIX}" attrs=entry,mail,mailAlternateAddress,accountStatus
  by dn.exact="${BLIND}" read
  by * break`,
      });
      await fill(server);
      const store = open({ url: server.ldap, bind: as(BLIND) });
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
      expect(await store.lookup(mailbox('nobody'))).toBeNull();
      const surname = { ...PRESETS.mail.mailbox, filter: filterOf('mailbox', '(&(mail=:address)(sn=x))') };
      const curious = open({ url: server.ldap, bind: as(BLIND), searches: { mailbox: surname } });
      expect(await curious.lookup(mailbox('user1'))).toBeNull(); // what it may not search by, it does not find
    });

    it('is not certain of an absence if the server may lag', async () => {
      const store = open({ certain: false });
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
      expect((await failureOf(store.lookup(mailbox('nobody')))).message).toContain('may lag');
    });

    it('fails only for the kind of question that it has no search for', async () => {
      const store = open({ searches: { mailbox: PRESETS.mail.mailbox } });
      const [found, failed] = await Promise.allSettled([
        store.lookup(mailbox('user1')),
        store.lookup({ about: 'domain', domain: 'example.org' }),
      ]);
      expect(found).toMatchObject({ value: ACTIVE });
      expect(failed).toMatchObject({ status: 'rejected' });
    });
  });

  describe('with common layouts', () => {
    const all = { base: `ou=layouts,${SUFFIX}` };
    beforeAll(async () => {
      const person = ['inetOrgPerson', 'smmapThing'];
      await slapd.add([
        ['ou=layouts', { objectClass: 'organizationalUnit' }],
        [
          'cn=a,ou=layouts',
          {
            objectClass: person,
            sn: 'a',
            mail: 'Ann@example.org',
            mailAlternateAddress: ['a@example.org', 'ann@b.example'],
          },
        ],
        ['cn=b,ou=layouts', { objectClass: person, sn: 'b', mail: 'bob@example.org', accountStatus: 'disabled' }],
        ['cn=c,ou=layouts', { objectClass: person, sn: 'c', mail: 'cy@example.org', accountStatus: 'odd' }],
        [
          'cn=d,ou=layouts',
          {
            objectClass: ['device', 'inetLocalMailRecipient'],
            mailLocalAddress: ['dora@example.org', '@catch.example'],
            mailRoutingAddress: 'dora@c.example',
          },
        ],
        [
          'cn=e,ou=layouts',
          {
            objectClass: ['device', 'inetLocalMailRecipient'],
            mailLocalAddress: 'eve  x@example.org',
            mailRoutingAddress: 'eve  x@example.org',
          },
        ],
        [
          'cn=f,ou=layouts',
          {
            objectClass: person,
            sn: 'f',
            mail: 'fay@example.org',
            proxyAddresses: ['SMTP:fay@example.org', 'smtp:f@example.org', 'sip:talk@example.org'],
            userAccountControl: '512',
          },
        ],
        [
          'cn=g,ou=layouts',
          { objectClass: person, sn: 'g', proxyAddresses: ['SMTP:gus@example.org'], userAccountControl: '66050' },
        ],
        ['cn=h,ou=layouts', { objectClass: person, sn: 'h', mail: 'hal@example.org', nsAccountLock: 'TRUE' }],
        ['cn=i,ou=layouts', { objectClass: person, sn: 'i', mail: 'ida@example.org', 'ak-active': 'FALSE' }],
        [
          'cn=j,ou=layouts',
          {
            objectClass: [...person, 'mailUser'],
            sn: 'j',
            mail: 'joe@i.example',
            shadowAddress: 'j@i.example',
            memberOfGroup: 'all@i.example',
            enabledService: ['mail', 'deliver'],
            accountStatus: 'active',
          },
        ],
        [
          'cn=k,ou=layouts',
          {
            objectClass: [...person, 'mailUser'],
            sn: 'k',
            mail: 'kim@i.example',
            memberOfGroup: 'all@i.example',
            enabledService: ['mail', 'deliver'],
            accountStatus: 'disabled',
          },
        ],
        [
          'cn=l,ou=layouts',
          {
            objectClass: [...person, 'mailUser'],
            sn: 'l',
            mail: 'lea@off.example',
            domainStatus: 'disabled',
            enabledService: ['mail', 'deliver'],
            accountStatus: 'active',
          },
        ],
        [
          'cn=m,ou=layouts',
          {
            objectClass: [...person, 'mailDomain'],
            sn: 'm',
            domainName: 'i.example',
            domainAliasName: 'i2.example',
            enabledService: ['mail', 'domainalias'],
            accountStatus: 'active',
          },
        ],
        [
          'cn=n,ou=layouts',
          { objectClass: [...person, 'kolabInetOrgPerson'], sn: 'n', mail: 'nan@k.example', alias: 'n@k.example' },
        ],
        [
          'cn=o,ou=layouts',
          {
            objectClass: person,
            sn: 'o',
            zimbraMailDeliveryAddress: 'oda@z.example',
            zimbraMailAlias: ['oda@z.example', 'o@z.example'],
            zimbraMailCatchAllAddress: '@z.example',
            zimbraMailStatus: 'enabled',
          },
        ],
        [
          'cn=p,ou=layouts',
          { objectClass: person, sn: 'p', zimbraMailDeliveryAddress: 'pia@z.example', zimbraMailStatus: 'disabled' },
        ],
        [
          'cn=q,ou=layouts',
          { objectClass: person, sn: 'q', zimbraDomainName: 'z.example', zimbraMailStatus: 'enabled' },
        ],
      ]);
    });

    it.each<[keyof typeof PRESETS, string, Question, Answer]>([
      ['mail', 'an address in any case', mailbox('ann'), ACTIVE],
      ['mail', 'a further address', mailbox('ann', 'b.example'), ACTIVE],
      ['mail', 'a disabled account', mailbox('bob'), { value: '', state: 'disabled' }],
      ['mail', 'a further address as an alias', alias('a'), { value: 'Ann@example.org', state: 'active' }],
      ['mail', 'no alias for the address itself', alias('ann'), null],
      [
        'mail',
        'a domain of a further address',
        { about: 'domain', domain: 'b.example' },
        { value: 'mailbox', state: 'active' },
      ],
      [
        'mail',
        'a domain of many, of which one entry is enough',
        { about: 'domain', domain: 'example.org' },
        { value: 'mailbox', state: 'active' },
      ],
      ['mail', 'no part of a domain', { about: 'domain', domain: 'xample.org' }, null],
      ['mail', 'no address that differs in blanks', mailbox('ann '), null],
      ['inetLocalMailRecipient', 'a local address', mailbox('dora'), ACTIVE],
      [
        'inetLocalMailRecipient',
        'its routing as an alias',
        alias('dora'),
        { value: 'dora@c.example', state: 'active' },
      ],
      [
        'inetLocalMailRecipient',
        'a catch-all',
        alias('', 'catch.example'),
        { value: 'dora@c.example', state: 'active' },
      ],
      ['inetLocalMailRecipient', 'no alias to itself', alias('eve  x'), null],
      ['inetLocalMailRecipient', 'an address with two blanks', mailbox('eve  x'), ACTIVE],
      ['inetLocalMailRecipient', 'no address with one of them', mailbox('eve x'), null],
      ['active-directory', 'a primary address', mailbox('fay'), ACTIVE],
      ['active-directory', 'a proxy address', mailbox('f'), ACTIVE],
      ['active-directory', 'no address of another protocol', mailbox('talk'), null],
      ['active-directory', 'a disabled account', mailbox('gus'), { value: '', state: 'disabled' }],
      ['exchange', 'a shared mailbox, whose account is disabled', mailbox('gus'), ACTIVE],
      ['lldap', 'an address', mailbox('ann'), ACTIVE],
      ['lldap', 'no further address', mailbox('ann', 'b.example'), null],
      ['freeipa', 'an account without a lock', mailbox('ann'), ACTIVE],
      ['freeipa', 'a locked account', mailbox('hal'), DISABLED],
      ['authentik', 'an account that is not active', mailbox('ida'), DISABLED],
      ['iredmail', 'an address', mailbox('joe', 'i.example'), ACTIVE],
      ['iredmail', 'a further address', mailbox('j', 'i.example'), ACTIVE],
      ['iredmail', 'a disabled account', mailbox('kim', 'i.example'), DISABLED],
      ['iredmail', 'no account of a disabled domain', mailbox('lea', 'off.example'), null],
      [
        'iredmail',
        'the active members of a group',
        alias('all', 'i.example'),
        { value: 'joe@i.example', state: 'active' },
      ],
      ['iredmail', 'a domain', { about: 'domain', domain: 'i.example' }, { value: 'mailbox', state: 'active' }],
      ['iredmail', 'an alias domain', { about: 'domain', domain: 'i2.example' }, { value: 'mailbox', state: 'active' }],
      ['iredmail', 'no other domain', { about: 'domain', domain: 'i3.example' }, null],
      ['kolab', 'an address', mailbox('nan', 'k.example'), ACTIVE],
      ['kolab', 'a further address', mailbox('n', 'k.example'), ACTIVE],
      ['kolab', 'nobody of another class', mailbox('ann'), null],
      ['zimbra', 'an address', mailbox('oda', 'z.example'), ACTIVE],
      ['zimbra', 'a further address', mailbox('o', 'z.example'), ACTIVE],
      ['zimbra', 'a disabled account', mailbox('pia', 'z.example'), DISABLED],
      ['zimbra', 'a catch-all', alias('', 'z.example'), { value: 'oda@z.example', state: 'active' }],
      ['zimbra', 'a domain', { about: 'domain', domain: 'z.example' }, { value: 'mailbox', state: 'active' }],
    ])('%s: finds %s', async (preset, _, question, answer) => {
      expect(await open({ ...all, searches: PRESETS[preset] }).lookup(question)).toEqual(answer);
    });

    it('fails for an account with an unknown state, and only for that account', async () => {
      const store = open(all);
      const [odd, well] = await Promise.allSettled([store.lookup(mailbox('cy')), store.lookup(mailbox('ann'))]);
      expect(odd).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('odd') } });
      expect(well).toMatchObject({ value: ACTIVE });
    });

    it('never sends a search for * alone if a part of the question is empty', async () => {
      const any = {
        ...PRESETS.mail.mailbox,
        filter: filterOf('mailbox', '(mail=*:local*)'),
        identity: null,
        state: null,
      };
      const store = open({ ...all, searches: { mailbox: any } });
      expect(await store.lookup(mailbox('bob'))).toEqual(ACTIVE);
      const error = await failureOf(store.lookup(mailbox('')));
      expect(error.message).toContain('would match everything');
      expect(error).toBeInstanceOf(QuestionError);
    });

    it('fails for an alias whose targets it may not read', async () => {
      const targets = {
        ...PRESETS.mail.alias,
        filter: filterOf('alias', '(mailAlternateAddress=:address)'),
        value: 'title',
      };
      const store = open({ ...all, searches: { alias: targets } });
      expect((await failureOf(store.lookup(alias('a')))).message).toContain('no title that the account may read');
    });

    it('fails for an entry whose address it may not read', async () => {
      const identity = [{ column: 'address', attribute: 'mailRoutingAddress', prefix: null }] as const;
      const store = open({ ...all, searches: { mailbox: { ...PRESETS.mail.mailbox, identity } } });
      expect((await failureOf(store.lookup(mailbox('ann')))).message).toContain(
        'no mailRoutingAddress that the account may read',
      );
    });
  });

  describe('that misbehaves', () => {
    const servers: Server[] = [];
    afterEach(() => {
      for (const server of servers.splice(0)) server.close();
    });
    /** A server of our own, for what slapd never says. */
    const listen = (answer: (socket: Socket, data: Buffer, at: number) => void): Promise<string> =>
      new Promise((resolve) => {
        const server = createServer((socket) => {
          let at = 0;
          socket.on('error', () => {}).on('data', (data) => answer(socket, data, ++at));
        });
        servers.push(server);
        server.listen(0, '127.0.0.1', () => resolve(`ldap://127.0.0.1:${(server.address() as { port: number }).port}`));
      });
    const done = (id: number, code: number): Buffer =>
      Buffer.from([0x30, 12, 2, 1, id, 0x65, 7, 10, 1, code, 4, 0, 4, 0]);
    const empty = { bind: { kind: 'anonymous' } } as const;

    it.each<[string, readonly Buffer[], RegExp]>([
      ['a result without a code', [Buffer.from([0x30, 5, 2, 1, 1, 0x65, 0])], /not speak LDAP/],
      ['a result to a request that was not made', [done(9, 0)], /not made/],
      ['a result of another type', [Buffer.from([0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0])], /of type bind/],
      ['no LDAP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], /begins with 0x48/],
      ['a message without a length', [Buffer.from([0x30, 0x80, 0])], /no length/],
      ['a message of a gigabyte', [Buffer.from([0x30, 0x84, 0x40, 0, 0, 0])], /bytes, over/],
      ['half a message', [done(1, 0).subarray(0, 8)], /within/],
      ['nothing', [], /within/],
      ['that it is ending', [Buffer.from([0x30, 12, 2, 1, 0, 0x78, 7, 10, 1, 52, 4, 0, 4, 0])], /ends the connection/],
      ['that it is busy', [done(1, 51)], /busy \(51\)/],
      ['that it is unavailable', [done(1, 52)], /unavailable \(52\)/],
      ['that it is unwilling', [done(1, 53)], /unwillingToPerform \(53\)/],
      ['that it takes too long', [done(1, 3)], /timeLimitExceeded \(3\)/],
      ['that we have no right', [done(1, 50)], /insufficientAccessRights \(50\)/],
    ])('is believed nothing when it says %s', async (_, says, why) => {
      const url = await listen((socket, __, at) => void (at === 1 && socket.write(Buffer.concat(says))));
      const store = open({ url, timeoutMs: says.length === 0 ? 200 : 10_000, ...empty });
      expect((await failureOf(store.lookup(mailbox('nobody')))).message).toMatch(why);
    });

    it('is trusted for a value in a list that it cut off, and not for the absence of another value', async () => {
      const writer = new BerWriter();
      writer.startSequence();
      writer.writeInt(1);
      writer.startSequence(0x64);
      writer.writeString('cn=x');
      writer.startSequence();
      writer.startSequence();
      writer.writeString('proxyAddresses;range=0-0');
      writer.startSequence(0x31);
      writer.writeString('SMTP:first@example.org');
      for (let level = 0; level < 5; level++) writer.endSequence();
      const url = await listen((socket) => void socket.write(Buffer.concat([writer.buffer, done(1, 0)])));
      const ask = (local: string) => open({ url, ...empty, searches: PRESETS.exchange }).lookup(mailbox(local));
      expect(await ask('first')).toEqual(ACTIVE);
      expect((await failureOf(ask('second'))).message).toContain('all the values');
    });

    it('is trusted for an absence whose bytes come one by one', async () => {
      const url = await listen((socket) => {
        for (const [at, byte] of done(1, 0).entries()) setTimeout(() => socket.write(Buffer.from([byte])), at * 5);
      });
      expect(await open({ url, ...empty }).lookup(mailbox('nobody'))).toBeNull();
    });

    it('is asked only for as many entries, and only for as long, as needed', async () => {
      const requests: Buffer[] = [];
      const url = await listen((socket, data) => {
        requests.push(data);
        socket.write(done(requests.length, 0));
      });
      const store = open({ url, connections: 1, ...empty });
      await store.lookup(mailbox('x'));
      await store.lookup({ about: 'domain', domain: 'example.org' });
      const limits = (entries: number): Buffer => Buffer.from([2, 1, entries, 2, 1, TIMEOUT_MS / 1_000]);
      expect(requests.map((each, at) => each.includes(limits([100, 1][at] as number)))).toEqual([true, true]);
    });

    it('loses its connection, with all pending questions, if one question takes too long', async () => {
      const sockets = new Set<Socket>();
      const url = await listen((socket) => {
        sockets.add(socket);
        if (sockets.size === 2) socket.write(done(1, 0));
      });
      const store = open({ url, connections: 1, timeoutMs: 1_000, ...empty });
      await failureOf(store.lookup(mailbox('nobody')));
      expect(await store.lookup(mailbox('nobody'))).toBeNull();
      expect(sockets.size).toBe(2);
    });

    it('cannot send an answer before TLS that smmap reads afterwards', async () => {
      const accepted = Buffer.from([0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 0, 4, 0, 4, 0]);
      const url = await listen((socket) => void socket.write(Buffer.concat([accepted, done(1, 0).subarray(0, 5)])));
      const store = open({ url, startTls: true, ...empty });
      expect((await failureOf(store.lookup(mailbox('nobody')))).message).toContain('before TLS');
    });

    it('is not asked without TLS if it refuses TLS', async () => {
      const refused = Buffer.from([0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 52, 4, 0, 4, 0]);
      let requests = 0;
      const url = await listen((socket) => {
        requests++;
        socket.write(refused);
      });
      const store = open({ url, startTls: true });
      expect((await failureOf(store.lookup(mailbox('nobody')))).message).toContain('StartTLS failed');
      expect(requests).toBe(1);
    });

    it('never gets more requests at once than a slapd accepts', async () => {
      let most = 0;
      let waiting = 0;
      const url = await listen((socket, data) => {
        for (let at = 0; at < data.length; at += 2 + lengthAt(data, at)) {
          const id = idAt(data, at);
          most = Math.max(most, ++waiting);
          setTimeout(() => {
            waiting--;
            socket.write(Buffer.from([0x30, 13, 2, 2, id >> 8, id & 255, 0x65, 7, 10, 1, 0, 4, 0, 4, 0]));
          }, 20);
        }
      });
      const bulk = createLdap(
        optionsFor({
          url,
          connections: 1,
          searches: {
            mailbox: { ...PRESETS.mail.mailbox, filter: filterOf('mailbox', '(mail=:address)'), state: null },
          },
          ...empty,
        }),
      );
      opened.push(bulk);
      const answers = await bulk.lookupAll(Array.from({ length: 300 }, (_, at) => mailbox(`n${at}`)));
      expect(answers).toEqual(Array.from({ length: 300 }, () => null));
      expect(most).toBe(64);
    });
  });

  describe('that breaks while it is asked', () => {
    const present = Array.from({ length: USERS }, (_, at) => mailbox(`user${at}`));
    const absent = Array.from({ length: USERS }, (_, at) => mailbox(`nobody${at}`));

    it('gives no false answer when it is killed and started again', async () => {
      const outcome = await expectNoLies(open(), {
        present,
        absent,
        fault: () => slapd.kill(),
        mend: () => slapd.start(),
      });
      tell('slapd, kill -9', outcome);
    });

    it('gives no false answer when it hangs and goes on', async () => {
      const outcome = await expectNoLies(open(), {
        present,
        absent,
        brokenMs: 1_500,
        fault: () => slapd.hang(),
        mend: () => slapd.resume(),
      });
      tell('slapd, SIGSTOP', outcome);
    });

    it('gives no false answer when it is restarted', async () => {
      const outcome = await expectNoLies(open(), {
        present,
        absent,
        brokenMs: 10,
        fails: false,
        fault: () => slapd.restart(),
        mend: () => {},
      });
      tell('slapd, restart', outcome);
    });

    it('gives no false answer when the base of the search is removed and comes back', async () => {
      const rename = (from: string, to: string): Promise<void> =>
        slapd.modify(`dn: ou=${from},${SUFFIX}\nchangetype: modrdn\nnewrdn: ou=${to}\ndeleteoldrdn: 1\n`);
      const fault = (): Promise<void> => rename('people', 'away');
      const outcome = await expectNoLies(open(), { present, absent, fault, mend: () => rename('away', 'people') });
      tell('slapd, base renamed', outcome);
    });

    it('gives no false answer when the password changes and it is restarted', async () => {
      const set = (password: string): Promise<void> =>
        slapd.modify(`dn: ${READER}\nchangetype: modify\nreplace: userPassword\nuserPassword: ${password}\n`);
      const fault = async (): Promise<void> => {
        await set('changed');
        await slapd.restart();
      };
      const outcome = await expectNoLies(open(), { present, absent, fault, mend: () => set(READER_PASSWORD) });
      tell('slapd, password changed', outcome);
    });

    it('is not missed if another server has the same data', async () => {
      const consumer = await launch({ provider: slapd.ldap });
      const second = open({ url: consumer.ldap });
      const late = Date.now() + 10_000;
      const synced = async (): Promise<boolean> =>
        (await Promise.allSettled([...present].map(async (each) => await second.lookup(each)))).every(
          (each) => each.status === 'fulfilled' && each.value !== null,
        );
      while (!(await synced())) {
        expect(Date.now()).toBeLessThan(late);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const both = createReplicas([open(), second]);
      const outcome = await expectNoLies(both, {
        present,
        absent,
        brokenMs: 100,
        fails: false,
        fault: () => slapd.kill(),
        mend: () => slapd.start(),
      });
      tell('slapd, first of two killed', outcome);
      expect(outcome.failed).toBe(0);

      const lagging = createReplicas([
        open({ url: 'ldap://127.0.0.1:1' }),
        open({ url: consumer.ldap, certain: false }),
      ]);
      expect(await lagging.lookup(mailbox('user1'))).toEqual(ACTIVE);
      await failureOf(lagging.lookup(mailbox('nobody')));
    });
  });
});

const ACTIVE: Answer = { value: '', state: 'active' };
const DISABLED: Answer = { value: '', state: 'disabled' };

function as(dn: string, password = READER_PASSWORD): LdapOptions['bind'] {
  return { kind: 'simple', dn, password: () => Promise.resolve(password) };
}

function mailbox(local: string, domain = 'example.org'): Question {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
}

function alias(local: string, domain = 'example.org'): Question {
  return { about: 'alias', local, domain, exact: false };
}

function filterOf(name: 'mailbox' | 'alias', text: string) {
  const filter = parseFilter(name, text);
  if ('flaw' in filter) throw new Error(filter.flaw);
  return filter;
}

async function failureOf(answer: Answer | Promise<Answer>): Promise<StoreError> {
  const outcome = await Promise.resolve(answer).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(StoreError);
  return outcome as StoreError;
}

async function fill(slapd: Slapd): Promise<void> {
  await slapd.add([
    ['ou=people', { objectClass: 'organizationalUnit' }],
    ...Array.from(
      { length: USERS },
      (_, at) =>
        [`cn=u${at},ou=people`, { objectClass: ['inetOrgPerson'], sn: 'x', mail: `user${at}@example.org` }] as const,
    ),
  ]);
}

/** Of a short message that we sent: its length, and its number. */
function lengthAt(data: Buffer, at: number): number {
  const first = data[at + 1] as number;
  return first < 0x80 ? first : 1 + (data[at + 2] as number);
}

function idAt(data: Buffer, at: number): number {
  const id = at + ((data[at + 1] as number) < 0x80 ? 2 : 3);
  return data.readUIntBE(id + 2, data[id + 1] as number);
}
