import { describe, expect, it } from 'vitest';
import { type Row, answerOf } from '../../src/store/row.ts';
import { QuestionError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';

const FRED = { local: 'fred', domain: 'example.org', exact: false };
const mailbox: Question = { about: 'mailbox', ...FRED, folder: null, anyCase: false };
const inFolder = (folder: string, anyCase = false): Question => ({ ...mailbox, folder, anyCase });
const alias: Question = { about: 'alias', ...FRED };
const domain: Question = { about: 'domain', domain: 'xn--bcher-kva.example' };
const key: Question = { about: 'key', table: 'access', key: 'to:fred', exact: false };
const ACTIVE = { value: '', state: 'active' };

describe('rows', () => {
  it.each<[string, Question, Row[], unknown]>([
    ['no row is an absence', mailbox, [], null],
    ['a row without known columns is an active mailbox', mailbox, [{ '?column?': 1 }], ACTIVE],
    ['a value that is null is empty', mailbox, [{ value: null }], ACTIVE],
    ['a number is a value', mailbox, [{ value: 7 }], { value: '7', state: 'active' }],
    ['bytes are a value', mailbox, [{ value: Buffer.from('é') }], { value: 'é', state: 'active' }],
    ['a state is used', mailbox, [{ state: 'disabled' }], { value: '', state: 'disabled' }],
    [
      'the active one of several counts',
      mailbox,
      [{ state: 'disabled' }, { value: 'x', state: 'active' }],
      { value: 'x', state: 'active' },
    ],
    [
      'the first of several that are not active counts',
      mailbox,
      [{ state: 'overquota' }, { state: 'disabled' }],
      { value: '', state: 'overquota' },
    ],

    ['an address in another case is the same', mailbox, [{ address: 'Fred@Example.ORG' }], ACTIVE],
    ['an address with an accent is another address', mailbox, [{ address: 'fréd@example.org' }], null],
    ['an address with a blank after it is another address', mailbox, [{ address: 'fred @example.org' }], null],
    ['an address that is null is ignored', mailbox, [{ address: null }], null],
    ['a local part is compared', mailbox, [{ local: 'freda', domain: 'example.org' }], null],
    ['a domain is compared', mailbox, [{ local: 'fred', domain: 'example.com' }], null],
    ['a U-label is the same domain', domain, [{ domain: 'bücher.example' }], { value: 'mailbox', state: 'active' }],
    [
      'in an exact question, another case is another address',
      { ...mailbox, exact: true },
      [{ address: 'Fred@example.org' }],
      null,
    ],
    [
      'in an exact question, the case of the domain does not count',
      { ...mailbox, exact: true },
      [{ address: 'fred@EXAMPLE.org' }],
      ACTIVE,
    ],
    [
      'in an exact question, an address in decomposed letters is the same',
      { ...mailbox, local: 'jos\u00e9', exact: true },
      [{ address: 'jose\u0301@example.org' }],
      ACTIVE,
    ],
    [
      'in an exact question, a key in decomposed letters is the same',
      { ...key, key: 'to:jos\u00e9', exact: true },
      [{ key: 'to:jose\u0301', value: 'x' }],
      { value: 'x', state: 'active' },
    ],
    ['a local part may have an @', { ...mailbox, local: 'a@b' }, [{ address: 'a@b@example.org' }], ACTIVE],

    ['a folder is compared', inFolder('abc'), [{ folder: 'Abc' }, { folder: 'abcd' }], null],
    ['a folder in any case is found', inFolder('abc', true), [{ folder: 'Abc' }], ACTIVE],
    ['a folder in decomposed letters is the same', inFolder('ü'), [{ folder: 'u\u0308' }], ACTIVE],

    [
      'several rows of an alias are its targets, each once',
      alias,
      [{ value: 'a@x' }, { value: 'b@x' }, { value: 'a@x' }],
      { value: 'a@x, b@x', state: 'active' },
    ],
    ['an alias that is disabled is absent', alias, [{ value: 'a@x', state: 'disabled' }], null],
    [
      'only the active row of an alias counts',
      alias,
      [{ value: 'a@x', state: 'disabled' }, { value: 'b@x' }],
      { value: 'b@x', state: 'active' },
    ],

    ['a domain without a class has mailboxes', domain, [{}], { value: 'mailbox', state: 'active' }],
    ['a domain has its class', domain, [{ value: 'relay' }], { value: 'relay', state: 'active' }],
    ['a domain that is not active is absent', domain, [{ value: 'relay', state: 'disabled' }], null],
    ['a key that is not active is absent', key, [{ value: 'REJECT', state: 'disabled' }], null],
    ['a key is compared', key, [{ key: 'to:freda', value: 'REJECT' }], null],
    [
      'a key in another case is the same',
      key,
      [{ key: 'To:Fred', value: 'REJECT' }],
      { value: 'REJECT', state: 'active' },
    ],
    [
      'in an exact question, a key in another case is another key',
      { ...key, exact: true },
      [{ key: 'To:fred', value: 'x' }],
      null,
    ],
  ])('%s', (_, question, rows, expected) => {
    expect(answerOf(question, rows)).toEqual(expected);
  });

  it.each<[string, Question, Row]>([
    ['an address with a blank at its end', mailbox, { address: 'fred@example.org ' }],
    ['an address with an invisible character', mailbox, { address: 'fred@exam\u200bple .org' }],
    ['an alias with a line end', alias, { address: 'fred@example.org\r', value: 'joe' }],
    ['a column domain with a blank at its end', mailbox, { local: 'fred', domain: 'example.org ' }],
    ['a domain with a blank at its end', domain, { domain: 'bücher.example ' }],
  ])('%s, and nothing else, is a doubt', (_, question, row) => {
    expect(() => answerOf(question, [row])).toThrow(/^found ".*", which has no valid domain: correct it in the store$/);
  });

  it('a name without a valid domain is ignored beside the right one', () => {
    expect(answerOf(mailbox, [{ address: 'fred@example.org ' }, { address: 'fred@example.org' }])).toEqual(ACTIVE);
  });

  it.each<[string, Row]>([
    ['an unknown state', { state: 'gone' }],
    ['a state that is null', { state: null }],
    ['a value that is not a text', { value: { a: 1 } }],
  ])('%s is a doubt about that question', (_, row) => {
    expect(() => answerOf(mailbox, [row])).toThrow(QuestionError);
  });

  it.each([[alias], [domain], [key]])('an entry that is over quota, but not a mailbox, is a doubt: %j', (question) => {
    expect(() => answerOf(question, [{ value: 'x', state: 'overquota' }])).toThrow(QuestionError);
  });
});
