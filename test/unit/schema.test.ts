import { describe, expect, it } from 'vitest';
import * as z from '../../src/toml/schema.ts';

/** What a value is read as, or what is wrong with it and where. */
function read(type: z.Schema, value: unknown): unknown {
  const { value: out, issues } = type.read(value);
  return issues.length === 0 ? { is: out } : issues.map(tell);
}

function tell(issue: z.Issue): string {
  const what = {
    wrong: () => 'wrong',
    told: () => ('reason' in issue ? issue.reason : ''),
    'unknown keys': () => ('keys' in issue ? `unknown ${issue.keys.join(' ')}` : ''),
    'none of these': () =>
      'alternatives' in issue
        ? `none of ${issue.alternatives.map((each) => each.map(tell).join('+')).join(' | ')}`
        : '',
  }[issue.kind]();
  return [...issue.path, what].join('.');
}

const text = z.string().min(1);
const short = text.max(3);
const upper = text.transform((raw, context) => {
  if (raw !== raw.toUpperCase()) context.add([], 'is not upper case');
  return raw.toUpperCase();
});
const range = z.strictObject({ from: z.int().max(9), to: z.int() }).superRefine(({ from, to }, context) => {
  if (from > to) context.add(['to'], 'is below from');
});
const reversed = range.transform(({ from, to }) => [to, from]);

describe('a type reads', () => {
  it.each<[string, z.Schema, unknown, unknown]>([
    ['a text', text, 'a', 'a'],
    ['a whole number', z.int(), -7, -7],
    ['a number with a fraction', z.number(), 1.5, 1.5],
    ['one of several values', z.literal(['a', 'b']), 'b', 'b'],
    ['a list', z.array(text), ['a', 'b'], ['a', 'b']],
    ['two values in a list', z.pair(z.int()), [1, 2], [1, 2]],
    ['a table of any keys', z.record(z.int()), { a: 1, constructor: 2 }, { a: 1, constructor: 2 }],
    ['a table of some of these keys', z.record(z.int(), ['a', 'b']), { b: 1 }, { b: 1 }],
    ['a table without its optional key', z.strictObject({ a: text.optional() }), {}, {}],
    ['the default of a key', z.strictObject({ a: upper.default('x') }), {}, { a: 'x' }],
    ['what stands for a missing key, like any other', z.strictObject({ a: upper.prefault('X') }), {}, { a: 'X' }],
    ['null where a key is nullable', text.nullable(), null, null],
    ['what a transform makes of it', reversed, { from: 1, to: 2 }, [2, 1]],
    ['the first of several types that fits', z.union([upper, text]), 'a', 'a'],
    ['what JSON can say', z.json(), { a: [1.5, 'x', true, {}] }, { a: [1.5, 'x', true, {}] }],
  ])('%s', (_, type, value, expected) => {
    expect(read(type, value)).toEqual({ is: expected });
  });
});

describe('a type tells what is wrong', () => {
  const date = new Date(0);
  it.each<[string, z.Schema, unknown, readonly string[]]>([
    ['with a number for a text', text, 1, ['wrong']],
    ['with an empty text', text, '', ['wrong']],
    ['with a text that is too long', short, 'abcd', ['wrong']],
    ['with a fraction', z.int(), 1.5, ['wrong']],
    ['with infinity', z.number(), Infinity, ['wrong']],
    ['with a number that is not exact', z.int(), 2 ** 53, ['wrong']],
    ['with a word that is not listed', z.literal(['a']), 'A', ['wrong']],
    ['with items of a list', z.array(text), ['a', 1, ''], ['1.wrong', '2.wrong']],
    ['with an empty list', z.array(text).min(1), [], ['wrong']],
    ['with three values for two', z.pair(z.int()), [1, 2, 3], ['wrong']],
    ['with a list for a table', z.strictObject({}), [], ['wrong']],
    ['with a date for a table', z.record(text), date, ['wrong']],
    ['with a date in what JSON can say', z.json(), { a: [date] }, ['a.0.wrong']],
    ['with a key that is not in the list', z.record(z.int(), ['a']), { b: 1 }, ['b.wrong']],
    [
      'with keys that are missing and not known',
      z.strictObject({ a: text }),
      { b: 1, c: 2 },
      ['a.wrong', 'unknown b c'],
    ],
    ['in words of its own', upper, 'a', ['is not upper case']],
    ['with two keys together', range, { from: 3, to: 2 }, ['to.is below from']],
    [
      'with two keys together, although one is over its limit',
      range,
      { from: 10, to: 2 },
      ['from.wrong', 'to.is below from'],
    ],
    [
      'with two keys together, although a third is not known',
      range,
      { from: 3, to: 2, a: 1 },
      ['unknown a', 'to.is below from'],
    ],
    ['but not with two keys of which one cannot be read', range, { from: '3', to: 2 }, ['from.wrong']],
    [
      'once: a transform does not see it',
      range.transform(() => expect.unreachable()),
      { from: 3, to: 2 },
      ['to.is below from'],
    ],
    ['as each of several types', z.union([upper, z.array(text)]), 'a', ['none of is not upper case | wrong']],
    ['as the one of several types that can read it', z.union([text, range]), { from: 3, to: 2 }, ['to.is below from']],
  ])('%s', (_, type, value, expected) => {
    expect(read(type, value)).toEqual(expected);
  });
});

it('a type that was given a default, a limit or a check keeps what is known about its inside', () => {
  const type = z
    .strictObject({ a: text })
    .superRefine(() => {})
    .describe('a table')
    .default({ a: 'x' });
  expect(type.definition).toMatchObject({ defaultValue: { a: 'x' }, inner: { description: 'a table' } });
  expect(Object.keys(type.definition.inner?.definition.shape ?? {})).toEqual(['a']);
});
