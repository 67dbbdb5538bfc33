import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Html, type Value, html } from '../../src/daemon/page/html.ts';
import { type State, sparkline, stateBar } from '../../src/daemon/page/sparkline.ts';

const textOf = (value: Value): string => html`${value}`.toString();

describe('html', () => {
  it.each<[string, Value, string]>([
    [
      'an element in an address',
      '<script>alert(1)</script>@example.org',
      '&lt;script&gt;alert(1)&lt;/script&gt;@example.org',
    ],
    ['the end of an attribute', `" onload="x' y`, '&quot; onload=&quot;x&#39; y'],
    ['an entity, which is a text here', '&lt;', '&amp;lt;'],
    ['a character that turns the text around', 'fred\u202egro.elpmaxe', 'fred\\u202egro.elpmaxe'],
    ['a control character', 'a\u0000\u001b[2Jb\n', 'a\\u0000\\u001b[2Jb\\u000a'],
    ['an emoji, which stays', 'a\u{1f600}', 'a\u{1f600}'],
    ['a list', ['<', html`<b>${'&'}</b>`, 1], '&lt;<b>&amp;</b>1'],
    ['nothing', [null, undefined], ''],
  ])('escapes %s', (_, value, expected) => {
    expect(textOf(value)).toBe(expected);
  });

  it('lets no text of any kind end an attribute or begin an element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(textOf(text)).not.toMatch(/[<>"'\0]/);
      }),
    );
  });

  it('takes nobody else for HTML, whatever it looks like', () => {
    const forged = { toString: () => '<b>' } as unknown as Value;
    expect(() => textOf(forged)).toThrow(TypeError);
  });
});

/** The `d` of the paths of a drawing. */
const pathsOf = (drawing: Html): string[] => [...drawing.toString().matchAll(/ d="([^"]*)"/g)].map(([, d = '']) => d);

describe('a line over the time', () => {
  it.each<[string, (number | null)[], string]>([
    ['goes from the ground to the top', [0, 5, 10], 'M0 24h.5L1 12L2 0'],
    ['lies on the ground if nothing happened', [0, 0], 'M0 24h.5L1 24'],
    ['has a gap where nothing is known', [4, null, 4], 'M0 0h.5M2 0h.5'],
    ['is empty if nothing is known', [null, null], ''],
    ['is empty without a value', [], ''],
  ])('%s', (_, values, line) => {
    expect(pathsOf(sparkline(values, 'answers'))[1]).toBe(line);
  });

  it('says in words what it shows, and escapes that', () => {
    expect(sparkline([1], 'map "a"').toString()).toContain('role="img" aria-label="map &quot;a&quot;"');
  });
});

describe('a bar of states', () => {
  it.each<[string, State[], string[]]>([
    ['draws minutes of the same state at once', ['well', 'well', 'well'], ['M0 8h3']],
    [
      'draws each state with a height of its own',
      ['well', 'failed', 'partly', 'unknown'],
      ['M0 8h1', 'M2 11h1', 'M1 13.5h1', 'M3 15.5h1'],
    ],
    ['draws nothing without a minute', [], []],
  ])('%s', (_, states, paths) => {
    expect(pathsOf(stateBar(states, ''))).toEqual(paths);
  });

  it('takes less than a kilobyte, whatever happened', () => {
    const states = Array.from({ length: 90 }, (_, at): State => (at % 2 === 0 ? 'well' : 'failed'));
    expect(stateBar(states, 'x').toString().length).toBeLessThan(1_000);
  });
});
