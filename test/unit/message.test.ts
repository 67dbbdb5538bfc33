import { describe, expect, it } from 'vitest';
import { SaidError, joined, ofDomain, plain, saying, saidOf } from '../../src/message.ts';
import { QuestionError, StoreError, failureAt } from '../../src/store/store.ts';

const ADDRESS = 'fred@example.org';

describe('a text for the log', () => {
  it.each([
    ['a value', saying`for ${ADDRESS}`, ['for ', { kind: 'personal', text: ADDRESS }]],
    ['a number', saying`${3} times`, ['3', ' times']],
    ['a word of the configuration', saying`in ${plain('local')}`, ['in ', 'local']],
    ['a domain', saying`of ${ofDomain('example.org')}`, ['of ', { kind: 'domain', text: 'example.org' }]],
    [
      'several values',
      joined(['a', 'b'], ' -> '),
      [{ kind: 'personal', text: 'a' }, ' -> ', { kind: 'personal', text: 'b' }],
    ],
    [
      'an error of ours',
      saying`not: ${new SaidError(saying`no ${ADDRESS}`)}`,
      ['not: ', 'no ', { kind: 'personal', text: ADDRESS }],
    ],
    ['any other error', saying`not: ${new Error('no')}`, ['not: ', { kind: 'foreign', text: 'no' }]],
  ])('knows which of its parts may name somebody: %s', (_, text, parts) => {
    expect(text.parts).toEqual(parts.map((part) => (typeof part === 'string' ? { kind: 'public', text: part } : part)));
  });

  it('keeps its parts in the errors around it', () => {
    const error = failureAt('db:5432', new QuestionError(saying`no ${ADDRESS}`));
    expect(error).toBeInstanceOf(QuestionError);
    expect(error.message).toBe(`db:5432: no ${ADDRESS}`);
    expect(saidOf(error).parts.filter(({ kind }) => kind !== 'public')).toEqual([{ kind: 'personal', text: ADDRESS }]);
  });

  it('counts a plain message as foreign', () => {
    expect(saidOf(new StoreError('gone')).parts).toEqual([{ kind: 'foreign', text: 'gone' }]);
    expect(saidOf('gone').parts).toEqual([{ kind: 'foreign', text: 'gone' }]);
  });
});
