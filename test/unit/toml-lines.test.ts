import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it, test } from 'vitest';
import { formatKey, isTable } from '../../src/toml/check.ts';
import { locateKeys } from '../../src/toml/lines.ts';

const TEXT = `# a comment with [limits]
[limits]
deadline_ms = 4_000 # "idle_ms" = 1

[listen.mta]
path = "/run/x # no comment"
"mode" = '0660'
allow = [
  "192.0.2.0/24", # ["
  "x]",

  "2001:db8::/32" ]

[ store . "my people" ]
mailbox = """
[store.fake]
url = "x" \\"""
select"""
tls.ca = "/x"
tls . verify = true
canary = { mailbox = "a@b", tables = { "x.y" = "}", access = "k" } }

[map."*"]
[map.'b.c'.detail]
policy = "ignore"
"gr\\u00fc\\"n" = 1979-05-27 07:32:00
[[a.list]]
x = 1
[a.list.sub]
y = 2
[[a.list]]
[a.list.sub]
y = 3
[[a.list.deep]]
z = 4
`;

describe('the line of a key', () => {
  const lineOf = locateKeys(TEXT);
  it.each([
    ['limits', 2],
    ['limits.deadline_ms', 3],
    ['listen', 5], // where it is first named
    ['listen.mta', 5],
    ['listen.mta.path', 6],
    ['listen.mta.mode', 7],
    ['listen.mta.allow', 8],
    ['listen.mta.allow.0', 9],
    ['listen.mta.allow.1', 10],
    ['listen.mta.allow.2', 12],
    ['store."my people"', 14],
    ['store."my people".mailbox', 15],
    ['store."my people".tls', 19],
    ['store."my people".tls.verify', 20],
    ['store."my people".canary.tables."x.y"', 21],
    ['store."my people".canary.tables.access', 21],
    ['map."*"', 23],
    ['map."b.c"', 24],
    ['map."b.c".detail.policy', 25],
    [formatKey(['map', 'b.c', 'detail', 'grü"n']), 26],
    ['a.list.0', 27],
    ['a.list.0.sub.y', 30],
    ['a.list.1', 31],
    ['a.list.1.sub.y', 33],
    ['a.list.1.deep.0.z', 35],
  ])('%s is %i', (key, line) => {
    expect(lineOf(key)).toBe(line);
  });

  it.each([
    ['limits.idle_ms', 2], // in [limits]
    ['store."my people".url', 14],
    ['store."my people".tls.cert', 19],
    ['listen.other', null],
    ['listen."--listen 1".path', null],
    ['store.fake.url', null],
    ['log', null],
    ['log.level', null],
    ['line 2, column 15', null],
  ])('that is missing, %s, is that of the table that lacks it, if there is one', (key, line) => {
    expect(lineOf(key)).toBe(line);
  });

  it('counts lines that end with a carriage return and a line feed, and knows a byte order mark', () => {
    expect(locateKeys('\ufeff[a]\r\nb = 1 # x\r\n\r\nc = [\r\n2]\r\n')('a.c.0')).toBe(5);
  });

  it('is unknown in a text that cannot be read', () => {
    for (const text of ['[a]\nb = \nc = 1\n', '[a]\nb = 1 2 = 3 ]\n', 'a = [1 2', 'a', '[[a]\n', 'a = {b = 1 c = 2}']) {
      expect([locateKeys(text)('a'), locateKeys(text)('a.b')], text).toEqual([null, null]);
    }
  });
});

/** Each value of a text stands once in it, so a search finds its line, without knowing anything about TOML. */
test('the line of each value of any text is the line on which the value stands', () => {
  const name = fc.constantFrom('a', 'b', 'c-1', '"x y"', '"d.e"', "'[f]'", '"\\u00e9\\"#"', '"="');
  const key = fc
    .array(name, { minLength: 1, maxLength: 3 })
    .chain((parts) => fc.constantFrom('.', ' . ').map((dot) => parts.join(dot)));
  type Written = (mark: () => string) => string;
  const noise = fc.constantFrom('', ' ', ' # c = [1', '\t#"""');
  const ends = fc.constantFrom('\n', '\r\n', '\n\n', " # '''\n", '\n# [a]\n');
  const leaf = fc.constantFrom<Written>(
    (mark) => mark(),
    (mark) => `"${mark()} ] } # , [a]"`,
    (mark) => `'${mark()} \\'`,
    (mark) => `"""${mark()}\n[a]\nb = 1 \\""" ""\n"""""`,
    (mark) => `'''${mark()}\r\n[a.b]\n''''`,
  );
  const { value } = fc.letrec<{ value: Written; list: Written; table: Written }>((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, leaf, tie('list'), tie('table')),
    list: fc.tuple(fc.array(fc.tuple(tie('value'), ends), { maxLength: 3 }), noise).map(
      ([items]): Written =>
        (mark) =>
          `[${items.map(([item, end]) => `${end}${item(mark)}`).join(',')} ]`,
    ),
    table: fc.array(fc.tuple(name, tie('value')), { maxLength: 3 }).map(
      (items): Written =>
        (mark) =>
          `{ ${items.map(([part, item]) => `${part} = ${item(mark)}`).join(', ')} }`,
    ),
  }));
  const statement = fc.oneof(
    fc.tuple(key, value, noise).map(
      ([k, v, n]): Written =>
        (mark) =>
          `${k} = ${v(mark)}${n}`,
    ),
    fc.tuple(key, noise).map(
      ([k, n]): Written =>
        () =>
          `[${k}]${n}`,
    ),
    fc.tuple(key, noise).map(
      ([k, n]): Written =>
        () =>
          `[[ ${k} ]]${n}`,
    ),
  );
  let checked = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(statement, ends), { minLength: 1, maxLength: 12 }), (statements) => {
      let count = 1_000;
      const mark = (): string => `7${++count}7`;
      const parts: string[] = [];
      for (const [write, end] of statements) {
        const next = `${write(mark)}${end}`;
        if (isValid(parts.join('') + next)) parts.push(next);
      }
      const text = parts.join('');
      const lineOf = locateKeys(text);
      for (const [path, leafValue] of leavesOf(parse(text), [])) {
        const found = /7\d{4}7/.exec(String(leafValue))?.[0] as string;
        expect(lineOf(formatKey(path)), `${formatKey(path)} in\n${text}`).toBe(
          text.slice(0, text.indexOf(found)).split('\n').length,
        );
        checked++;
      }
    }),
    { numRuns: 500 },
  );
  expect(checked).toBeGreaterThan(1_000);
});

function isValid(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

function* leavesOf(
  value: unknown,
  path: readonly string[],
): Generator<readonly [path: readonly string[], value: unknown]> {
  const entries = Array.isArray(value) ? [...value.entries()] : isTable(value) ? Object.entries(value) : null;
  if (entries === null) yield [path, value];
  for (const [key, inner] of entries ?? []) yield* leavesOf(inner, [...path, String(key)]);
}
