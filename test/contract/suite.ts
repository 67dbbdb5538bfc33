import { afterEach, describe, expect, it } from 'vitest';
import { parseAliasLine } from '../../src/record/alias.ts';
import { parseDomainLine } from '../../src/record/domain.ts';
import { parseEntryLine } from '../../src/record/entry.ts';
import { type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import type { StoredRecord } from '../../src/record/record.ts';
import type { Store } from '../../src/store/store.ts';
import { type Answer, type Question, STATES, type State } from '../../src/vocabulary.ts';

/** What a driver or a guard must give to the suite. */
export interface Subject {
  /** A store that holds these records and is open. */
  open(records: readonly StoredRecord[]): Promise<Store> | Store;
  /** Removes the server or file of the open store, or says why this is impossible. */
  breaks: ((store: Store) => Promise<void> | void) | { readonly cannot: string };
  /** Makes the server or file of the store hang, or says why this is impossible. */
  hangs: (() => Promise<void> | void) | { readonly cannot: string };
  /** What it cannot do, and why. If missing, it can do everything. */
  lacks?: {
    readonly unwrittenTables?: string;
    readonly exactCase?: string;
    readonly longNames?: string;
    readonly anyCase?: string;
    readonly folders?: string;
    readonly aliases?: string;
    readonly domains?: string;
    readonly tables?: string;
    readonly values?: string;
    readonly disabled?: string;
    readonly overquota?: string;
    /** It has the same mailboxes in each domain. */
    readonly domainsApart?: string;
    /** It goes on finding what it found before. */
    readonly forgetting?: string;
    /** Local parts that it is uncertain of. */
    readonly names?: Readonly<Record<string, string>>;
  };
}

/** How long the servers of these tests may take: more than they do on a busy machine. No test waits for so long. */
export const PATIENT_MS = 20_000;

/** Local parts in which some store or other reads more than the characters. */
export const HOSTILE = [
  "o'brien",
  "' or '1'='1",
  'per%cent',
  'under_score',
  'st*r',
  'question?',
  String.raw`back\slash`,
  '(paren)',
  'jos\u00e9',
  '../../etc/passwd',
  'a b',
  'a"b',
  'a,b',
  'a:b',
  '{a}',
  '$a',
  'a;b',
  '-',
  '#',
  '!format',
  '!written',
  'x'.repeat(64),
];

const LOOKALIKES: readonly (readonly [string, string])[] = [
  ['per%cent', 'perxcent'],
  ['under_score', 'underxscore'],
  ['st*r', 'star'],
  ['question?', 'questions'],
  ['jos\u00e9', 'jose'],
  ['a b', 'ab'],
  ['fred', 'fred '],
  ['fred', ' fred'],
  ['fred', 'fre'],
  ['fred', 'fredd'],
];

/** The contract of a store, as code: every driver and every wrapper runs it. */
export function describeStore(name: string, subject: Subject): void {
  describe(`the contract of ${name}`, () => {
    const opened: Store[] = [];
    const openWith = async (...records: StoredRecord[]): Promise<Store> => {
      const store = await subject.open(records);
      opened.push(store);
      return store;
    };
    const open = (...lines: string[]): Promise<Store> =>
      openWith(...lines.map((line) => parse(line, parseMailboxLine)));
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    const orSkip = (reason: string | undefined) => (title: string, test: () => Promise<void>) =>
      reason === undefined ? it(title, test) : it.skip(`${title}: ${reason}`);
    const lacks = subject.lacks ?? {};
    const { unwrittenTables, exactCase, anyCase, longNames } = lacks;
    const { folders, aliases, domains, tables, values, disabled, overquota, domainsApart, forgetting } = lacks;
    const names = lacks.names ?? {};

    const lacked: Partial<Record<State, string | undefined>> = { disabled, overquota };
    const states = STATES.filter((state) => lacked[state] === undefined);
    it.each(states)('finds a mailbox that is %s', async (state) => {
      const store = await open(`fred@example.org state=${state}`, 'joe@example.org');
      expect(await ask(store, 'fred')).toEqual({ value: '', state });
    });

    it('is certain that a mailbox is absent: null', async () => {
      const store = await open('fred@example.org');
      expect(await ask(store, 'nobody')).toBeNull();
      expect(await ask(store, 'fred', 'example.com')).toBeNull();
      expect(await ask(store, 'fred', 'org')).toBeNull();
      expect(await ask(store, '')).toBeNull();
    });

    orSkip(folders)('finds a folder of a mailbox only in its own case', async () => {
      const store = await open(
        'fred@example.org folder=abc folder="with space" folder=abc/Deep state=overquota',
        'joe@example.org',
      );
      const found = { value: '', state: 'overquota' };
      expect(await ask(store, 'fred', 'example.org', 'abc')).toEqual(found);
      expect(await ask(store, 'fred', 'example.org', 'with space')).toEqual(found);
      expect(await ask(store, 'fred', 'example.org', 'abc/Deep')).toEqual(found);
      for (const folder of ['ABC', 'ab', 'abcd', 'abc/deep', 'active', 'overquota', '']) {
        expect(await ask(store, 'fred', 'example.org', folder)).toBeNull();
      }
      expect(await ask(store, 'joe', 'example.org', 'abc')).toBeNull();
      expect(await ask(store, 'nobody', 'example.org', 'abc')).toBeNull();
    });

    orSkip(folders ?? anyCase)('finds a folder in any case if the question allows it', async () => {
      const store = await open('fred@example.org folder=Abc/Deep folder=STRASSE', 'joe@example.org folder=other');
      for (const folder of ['Abc/Deep', 'abc/deep', 'ABC/DEEP', 'straße']) {
        expect(await ask(store, 'fred', 'example.org', folder, true)).not.toBeNull();
      }
      expect(await ask(store, 'fred', 'example.org', 'abc', true)).toBeNull();
      expect(await ask(store, 'fred', 'example.org', 'other', true)).toBeNull();
      expect(await ask(store, 'joe', 'example.org', 'abc/deep', true)).toBeNull();
      expect(await ask(store, 'fred', 'example.org', 'abc/deep', false)).toBeNull();
    });

    const known = HOSTILE.filter((local) => names[local] === undefined);
    it.each(known)('takes the local part %j literally', async (local) => {
      expect(await ask(await openWith(mailbox('someone')), local)).toBeNull();
      expect(await ask(await openWith(mailbox('someone'), mailbox(local)), local)).toEqual(ACTIVE);
    });

    it.each(Object.entries(names))('is uncertain of the local part %j: %s', async (local) => {
      await expect(ask(await openWith(mailbox('someone')), local)).rejects.toThrow();
    });

    const alike = LOOKALIKES.filter((both) => both.every((local) => names[local] === undefined));
    it.each(alike)('holding %j, does not find %j', async (held, asked) => {
      const store = await openWith(mailbox(held));
      expect(await ask(store, held)).not.toBeNull();
      expect(await ask(store, asked)).toBeNull();
    });

    it.each([
      ['a NUL', 'fred\0x'],
      ['a line feed', 'fred\nx'],
      ['a lone surrogate', 'fred\ud800'],
    ])('does not find a local part with %s', async (_, local) => {
      const store = await open('fred@example.org');
      expect(await ask(store, local)).toBeNull();
    });

    it.each([
      ['10,000 characters', 'x'.repeat(10_000)],
      ['10,000 characters of 3 bytes', '\u4e2d'.repeat(10_000)],
    ])(`${longNames === undefined ? 'does not find' : 'is uncertain of'} a local part with %s`, async (_, local) => {
      const store = await open('fred@example.org');
      if (longNames === undefined) expect(await ask(store, local)).toBeNull();
      else await expect(ask(store, local)).rejects.toThrow();
    });

    orSkip(domainsApart)('keeps local parts and domains apart', async () => {
      const store = await open('"a b"@c.example', '"c.example d"@e.example', 'f@g.example');
      expect(await ask(store, 'a b', 'c.example')).not.toBeNull();
      expect(await ask(store, 'b', 'c.example')).toBeNull();
      expect(await ask(store, 'd', 'c.example')).toBeNull();
      expect(await ask(store, 'g.example f', 'g.example')).toBeNull();
      expect(await ask(store, 'f@g.example', 'g.example')).toBeNull();
    });

    orSkip(domains)('finds a domain with a mailbox in any state, and no other domain', async () => {
      const store = await open('fred@example.org state=disabled', '@shared.example folder=news', 'joe@b.example.org');
      const has = async (domain: string): Promise<Answer> => await store.lookup({ about: 'domain', domain });
      for (const domain of ['example.org', 'shared.example', 'b.example.org']) {
        expect(await has(domain)).toEqual({ value: 'mailbox', state: 'active' });
      }
      for (const domain of ['example', 'xample.org', 'example.or', 'example.org2', 'c.example.org', '']) {
        expect(await has(domain)).toBeNull();
      }
    });

    orSkip(domains)('answers the class of a domain record, but never alias for a domain with a mailbox', async () => {
      const lines = ['a.example', 'b.example alias', 'c.example relay', 'd.example alias', 'e.example relay'];
      const store = await openWith(
        ...lines.map((line) => parse(line, parseDomainLine)),
        mailbox('fred', 'd.example'),
        mailbox('fred', 'e.example'),
      );
      const classes = ['a', 'b', 'c', 'd', 'e', 'f'].map(async (label) => {
        const answer = await store.lookup({ about: 'domain', domain: `${label}.example` });
        return answer?.value ?? null;
      });
      expect(await Promise.all(classes)).toEqual(['mailbox', 'alias', 'relay', 'mailbox', 'relay', null]);
    });

    orSkip(values)('finds the value of a mailbox', async () => {
      const store = await open(
        'fred@example.org value="8:8:/home/fred x" folder=abc state=disabled',
        'joe@example.org',
      );
      const found = { value: '8:8:/home/fred x', state: 'disabled' };
      expect(await ask(store, 'fred')).toEqual(found);
      expect(await ask(store, 'fred', 'example.org', 'abc')).toEqual(found);
      expect(await ask(store, 'joe')).toEqual(ACTIVE);
    });

    orSkip(exactCase)(
      'finds a name in capitals with folded case, and without folding only in its own spelling',
      async () => {
        const store = await openWith(
          parse('Fred@example.org folder=abc', parseMailboxLine),
          parse('joe@example.org', parseMailboxLine),
          parse('Info@example.org fred@example.org', parseAliasLine),
          parse('To:Fred@ REJECT', (line) => parseEntryLine('access', line)),
        );
        const mailboxes = async (local: string, exact: boolean): Promise<boolean> =>
          (await store.lookup({
            about: 'mailbox',
            local,
            domain: 'example.org',
            exact,
            folder: null,
            anyCase: false,
          })) !== null;
        expect(await mailboxes('fred', false)).toBe(true);
        expect(await mailboxes('Fred', true)).toBe(true);
        expect(await mailboxes('fred', true)).toBe(false);
        expect(await mailboxes('joe', true)).toBe(true);
        expect(await mailboxes('Joe', true)).toBe(false);
        expect(await aliasOf(store, 'info')).not.toBeNull();
        expect(await aliasOf(store, 'Info', 'example.org', true)).not.toBeNull();
        expect(await aliasOf(store, 'info', 'example.org', true)).toBeNull();
        expect(await valueOf(store, 'access', 'to:fred@')).toBe('REJECT');
        expect(await valueOf(store, 'access', 'To:Fred@', true)).toBe('REJECT');
        expect(await valueOf(store, 'access', 'to:fred@', true)).toBeNull();
      },
    );

    orSkip(aliases)('finds the targets of an alias, and the catch-all of a domain, apart from mailboxes', async () => {
      const store = await openWith(
        parse('info@example.org fred@example.org, "a, b"@example.com, |prog', parseAliasLine),
        parse('@example.org joe@example.org', parseAliasLine),
        mailbox('fred'),
      );
      const value = 'fred@example.org, "a, b"@example.com, |prog';
      expect(await aliasOf(store, 'info')).toEqual({ value, state: 'active' });
      expect(await aliasOf(store, '')).toEqual({ value: 'joe@example.org', state: 'active' });
      for (const [local, domain] of [
        ['fred'],
        ['inf'],
        ['infos'],
        ['info', 'example.com'],
        ['', 'example.com'],
      ] as const) {
        expect(await aliasOf(store, local, domain)).toBeNull();
      }
      expect(await ask(store, 'info')).toBeNull();
      expect(await ask(store, '')).toBeNull();
    });

    const others = aliases === undefined && tables === undefined ? HOSTILE : [];
    it.each(others)('takes %j literally, as an alias and as a key', async (local) => {
      const alias = (owner: string): StoredRecord => ({
        about: 'alias',
        local: owner,
        domain: 'example.org',
        targets: ['x'],
      });
      const entry = (key: string): StoredRecord => ({ about: 'key', table: 'access', key, value: 'REJECT' });
      const without = await openWith(alias('someone'), entry('someone'));
      expect(await aliasOf(without, local)).toBeNull();
      expect(await valueOf(without, 'access', local)).toBeNull();
      const having = await openWith(alias('someone'), entry('someone'), alias(local), entry(local));
      expect(await aliasOf(having, local)).toEqual({ value: 'x', state: 'active' });
      expect(await valueOf(having, 'access', local)).toBe('REJECT');
    });

    orSkip(tables)('finds the value of a key in its own table', async () => {
      const store = await openWith(
        ...['to:user@dom\tERROR:4.7.1:451 later', '+*@dom  error:5.1.1:550 gone  away', '"a b" x\ty'].map((line) =>
          parse(line, (text) => parseEntryLine('access', text)),
        ),
        parse('to:user@dom OK', (text) => parseEntryLine('other', text)),
      );
      expect(await valueOf(store, 'access', 'to:user@dom')).toBe('ERROR:4.7.1:451 later');
      expect(await valueOf(store, 'access', '+*@dom')).toBe('error:5.1.1:550 gone  away');
      expect(await valueOf(store, 'access', 'a b')).toBe('x\ty');
      expect(await valueOf(store, 'other', 'to:user@dom')).toBe('OK');
      for (const key of ['to:user', 'to:user@do', 'to:user@domx', 'a', 'b', ' ']) {
        expect(await valueOf(store, 'access', key)).toBeNull();
      }
      expect(await valueOf(store, 'other', '+*@dom')).toBeNull();
    });

    orSkip(unwrittenTables)('is uncertain of everything in a table that was never written', async () => {
      const store = await openWith(parse('example.com REJECT', (text) => parseEntryLine('access', text)));
      await expect(valueOf(store, 'acces', 'example.com')).rejects.toThrow();
    });

    it('answers concurrent questions, each with its own answer', async () => {
      const store = await open(...Array.from({ length: 50 }, (_, at) => `user${at}@example.org`));
      const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => ask(store, `user${at}`)));
      expect(answers.map((answer) => answer !== null)).toEqual(Array.from({ length: 100 }, (_, at) => at < 50));
    });

    orSkip(aliases ?? domains)(
      'answers several questions at once, in their order and each with its own answer',
      async () => {
        const store = await openWith(
          mailbox('fred'),
          mailbox('joe'),
          parse('info@example.org fred@example.org', parseAliasLine),
          parse('shop.example relay', parseDomainLine),
        );
        const person = (local: string): Question => {
          return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
        };
        const alias = (local: string): Question => ({ about: 'alias', local, domain: 'example.org', exact: false });
        const questions: Question[] = [
          person('nobody'),
          alias('info'),
          person('fred'),
          alias('fred'),
          { about: 'domain', domain: 'shop.example' },
          person('joe'),
          person('a\0b'),
          { about: 'domain', domain: 'none.example' },
        ];
        const targets = { value: 'fred@example.org', state: 'active' };
        const relay = { value: 'relay', state: 'active' };
        const expected = [null, targets, ACTIVE, null, relay, ACTIVE, null, null];
        expect(await store.lookupAtOnce(questions)).toEqual(expected);
        expect(await store.lookupAtOnce(questions.toReversed())).toEqual(expected.toReversed());
        expect(await store.lookupAtOnce([person('nobody')])).toEqual([null]);
        expect(await store.lookupAtOnce([])).toEqual([]);
      },
    );

    it('answers many questions at once', async () => {
      const store = await open(...Array.from({ length: 60 }, (_, at) => `user${at}@example.org`));
      const questions = Array.from({ length: 120 }, (_, at): Question => {
        const whose = { local: `user${at}`, domain: 'example.org' };
        return { about: 'mailbox', ...whose, exact: false, folder: null, anyCase: false };
      });
      const answers = await store.lookupAtOnce(questions);
      expect(answers.map((answer) => answer !== null)).toEqual(questions.map((_, at) => at < 60));
    });

    it('fails after close, also for entries that it found before', async () => {
      const store = await open('fred@example.org');
      expect(await ask(store, 'fred')).not.toBeNull();
      await store.close();
      await expect(ask(store, 'fred')).rejects.toThrow();
      await expect(ask(store, 'nobody')).rejects.toThrow();
      await expect((async () => await store.lookupAtOnce([someone('x')]))()).rejects.toThrow();
    });

    const { breaks, hangs } = subject;
    if (typeof breaks === 'function') {
      it('fails, and never answers null, after its server or file is gone', async () => {
        const store = await open('fred@example.org');
        expect(await ask(store, 'nobody')).toBeNull();
        await breaks(store);
        if (forgetting === undefined) await expect(ask(store, 'fred')).rejects.toThrow();
        else expect(await ask(store, 'fred'), forgetting).toEqual(ACTIVE);
        await expect(ask(store, 'nobody')).rejects.toThrow();
        const both = ['nobody', 'none'].map(someone);
        await expect((async () => await store.lookupAtOnce(both))()).rejects.toThrow();
      });
    } else {
      it.skip(`fails after its server or file is gone: ${breaks.cannot}`);
    }
    if (typeof hangs === 'function') {
      it('does not answer while its server or file hangs', async () => {
        const store = await open('fred@example.org');
        await hangs();
        await expect(Promise.race([ask(store, 'nobody'), Promise.reject(new Error('hangs'))])).rejects.toThrow('hangs');
      });
    } else {
      it.skip(`does not answer while its server or file hangs: ${hangs.cannot}`);
    }
  });
}

const ACTIVE = { value: '', state: 'active' };

function someone(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

function mailbox(local: string, domain = 'example.org'): Mailbox {
  return { about: 'mailbox', local, domain, state: 'active', value: '', folders: [] };
}

function parse(line: string, read: (line: string) => StoredRecord | { flaw: string } | null): StoredRecord {
  const record = read(line);
  if (record === null || 'flaw' in record) throw new Error(`no record: ${line}`);
  return record;
}

/** Asks a store; a throw becomes a rejection. */
async function ask(
  store: Store,
  local: string,
  domain = 'example.org',
  folder: string | null = null,
  anyCase = false,
): Promise<Answer> {
  const question: Question = { about: 'mailbox', local, domain, exact: false, folder, anyCase };
  return await store.lookup(question);
}

async function aliasOf(store: Store, local: string, domain = 'example.org', exact = false): Promise<Answer> {
  return await store.lookup({ about: 'alias', local, domain, exact });
}

async function valueOf(store: Store, table: string, key: string, exact = false): Promise<string | null> {
  return (await store.lookup({ about: 'key', table, key, exact }))?.value ?? null;
}
