import { afterEach, describe, expect, it } from 'vitest';
import { type Mailbox, parseMailboxLine } from '../../src/store/line.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer, Question, State } from '../../src/vocabulary.ts';

/** What a driver or a wrapper brings to the suite. */
export interface Subject {
  /** A store that holds these mailboxes and is open. */
  open(mailboxes: readonly Mailbox[]): Promise<Store> | Store;
  /** Takes away what the store stands on while it is open; or why that cannot be. */
  breaks: ((store: Store) => Promise<void> | void) | { readonly cannot: string };
  /** Makes what the store stands on hang; or why that cannot be. */
  hangs: (() => Promise<void> | void) | { readonly cannot: string };
}

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
    const open = async (...lines: string[]): Promise<Store> => {
      const store = await subject.open(lines.map((line) => parseMailboxLine(line) as Mailbox));
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    it.each<[State]>([['active'], ['disabled'], ['overquota']])('finds a mailbox that is %s', async (state) => {
      const store = await open(`fred@example.org state=${state}`, 'joe@example.org');
      expect(await ask(store, 'fred')).toEqual({ value: '', state });
    });

    it('is certain that a mailbox is not there: null, and nothing else', async () => {
      const store = await open('fred@example.org');
      expect(await ask(store, 'nobody')).toBeNull();
      expect(await ask(store, 'fred', 'example.com')).toBeNull();
      expect(await ask(store, 'fred', 'org')).toBeNull();
      expect(await ask(store, '')).toBeNull();
    });

    it('finds a folder of a mailbox, exactly as it is spelt', async () => {
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

    it('finds a folder in any case where it is asked so', async () => {
      const store = await open('fred@example.org folder=Abc/Deep folder=STRASSE', 'joe@example.org folder=other');
      for (const folder of ['Abc/Deep', 'abc/deep', 'ABC/DEEP', 'straße']) {
        expect(await ask(store, 'fred', 'example.org', folder, true)).not.toBeNull();
      }
      expect(await ask(store, 'fred', 'example.org', 'abc', true)).toBeNull();
      expect(await ask(store, 'fred', 'example.org', 'other', true)).toBeNull();
      expect(await ask(store, 'joe', 'example.org', 'abc/deep', true)).toBeNull();
      expect(await ask(store, 'fred', 'example.org', 'abc/deep', false)).toBeNull();
    });

    it.each(HOSTILE)('takes the local part %j literally', async (local) => {
      const mailbox: Mailbox = { local, domain: 'example.org', state: 'active', folders: [] };
      const other: Mailbox = { local: 'someone', domain: 'example.org', state: 'active', folders: [] };
      const without = await subject.open([other]);
      opened.push(without);
      expect(await ask(without, local)).toBeNull();
      const having = await subject.open([other, mailbox]);
      opened.push(having);
      expect(await ask(having, local)).toEqual({ value: '', state: 'active' });
    });

    it.each(LOOKALIKES)('holding %j, does not find %j', async (held, asked) => {
      const store = await subject.open([{ local: held, domain: 'example.org', state: 'active', folders: [] }]);
      opened.push(store);
      expect(await ask(store, held)).not.toBeNull();
      expect(await ask(store, asked)).toBeNull();
    });

    it.each([
      ['a NUL', 'fred\0x'],
      ['a line feed', 'fred\nx'],
      ['10,000 characters', 'x'.repeat(10_000)],
      ['10,000 characters of 3 bytes', '\u4e2d'.repeat(10_000)],
      ['a lone surrogate', 'fred\ud800'],
    ])('does not find a local part with %s', async (_, local) => {
      const store = await open('fred@example.org');
      expect(await ask(store, local)).toBeNull();
    });

    it('keeps local parts and domains apart', async () => {
      const store = await open('"a b"@c.example', '"c.example d"@e.example', 'f@g.example');
      expect(await ask(store, 'a b', 'c.example')).not.toBeNull();
      expect(await ask(store, 'b', 'c.example')).toBeNull();
      expect(await ask(store, 'd', 'c.example')).toBeNull();
      expect(await ask(store, 'g.example f', 'g.example')).toBeNull();
      expect(await ask(store, 'f@g.example', 'g.example')).toBeNull();
    });

    it('finds a domain in which there is a mailbox, in whatever state, and no other', async () => {
      const store = await open('fred@example.org state=disabled', '@shared.example folder=news', 'joe@b.example.org');
      const has = async (domain: string): Promise<Answer> => await store.lookup({ about: 'domain', domain });
      for (const domain of ['example.org', 'shared.example', 'b.example.org']) {
        expect(await has(domain)).toEqual({ value: '', state: 'active' });
      }
      for (const domain of ['example', 'xample.org', 'example.or', 'example.org2', 'c.example.org', '']) {
        expect(await has(domain)).toBeNull();
      }
    });

    it('answers concurrent questions, each with its own answer', async () => {
      const store = await open(...Array.from({ length: 50 }, (_, at) => `user${at}@example.org`));
      const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => ask(store, `user${at}`)));
      expect(answers.map((answer) => answer !== null)).toEqual(Array.from({ length: 100 }, (_, at) => at < 50));
    });

    it('fails after close, also for what it had found', async () => {
      const store = await open('fred@example.org');
      expect(await ask(store, 'fred')).not.toBeNull();
      await store.close();
      await expect(ask(store, 'fred')).rejects.toThrow();
      await expect(ask(store, 'nobody')).rejects.toThrow();
    });

    const { breaks, hangs } = subject;
    if (typeof breaks === 'function') {
      it('fails, and never says null, once what it stands on is gone', async () => {
        const store = await open('fred@example.org');
        expect(await ask(store, 'nobody')).toBeNull();
        await breaks(store);
        await expect(ask(store, 'fred')).rejects.toThrow();
        await expect(ask(store, 'nobody')).rejects.toThrow();
      });
    } else {
      it.skip(`fails once what it stands on is gone: ${breaks.cannot}`);
    }
    if (typeof hangs === 'function') {
      it('says nothing while what it stands on hangs', async () => {
        const store = await open('fred@example.org');
        await hangs();
        await expect(Promise.race([ask(store, 'nobody'), Promise.reject(new Error('hangs'))])).rejects.toThrow('hangs');
      });
    } else {
      it.skip(`says nothing while what it stands on hangs: ${hangs.cannot}`);
    }
  });
}

/** Asks a store; a throw becomes a rejection. */
async function ask(
  store: Store,
  local: string,
  domain = 'example.org',
  folder: string | null = null,
  anyCase = false,
): Promise<Answer> {
  const question: Question = { about: 'mailbox', local, domain, folder, anyCase };
  return await store.lookup(question);
}
