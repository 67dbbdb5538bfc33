import { pino } from 'pino';
import { expect, it } from 'vitest';
import { DOMAINS, PLAIN } from '../../src/observe/keys.ts';
import { createLog } from '../../src/observe/log.ts';
import { prettyOf } from '../../src/observe/pretty.ts';

/** What a terminal shows of the events that `tell` logs; the time of day as `T`. */
function shown(tell: (log: ReturnType<typeof createLog>) => void, isColoured = false, keys = PLAIN): string {
  let text = '';
  const options = { base: { pid: 1, worker: 2 }, formatters: { level: (level: string) => ({ level }) } };
  const timestamp = (): string => ',"time":"2026-11-26T18:52:48.123Z"';
  const write = (line: string): void => void (text += prettyOf(line, isColoured));
  tell(createLog(pino({ ...options, timestamp }, { write }), { add: '', ask: '' }, { keys }));
  return text.replaceAll(/^\d\d:\d\d:48 /gm, 'T ');
}

it.each([
  [
    'level, text and fields',
    '0.1',
    'a.toml',
    'T INFO  smmap 0.1 runs with a.toml version=0.1 config=a.toml listeners=[]\n',
  ],
  [
    'quotes around a value with blanks',
    '0.1',
    'a b',
    'T INFO  smmap 0.1 runs with a b version=0.1 config="a b" listeners=[]\n',
  ],
  [
    'a value that looks like a field',
    '0',
    'x=1',
    'T INFO  smmap 0 runs with x=1 version=0 config="x=1" listeners=[]\n',
  ],
  ['an empty value', '', 'a', 'T INFO  smmap  runs with a version="" config=a listeners=[]\n'],
])('shows %s', (_, version, config, line) => {
  expect(shown((log) => log.started(version, config, []))).toBe(line);
});

it('shows lists and numbers, and the local time', () => {
  const event = { time: '2026-11-26T18:52:48Z', level: 'info', msg: 'm', list: ['a', 'b c'], n: 3, none: null };
  const clock = new Date(event.time).toTimeString().slice(0, 8);
  expect(prettyOf(JSON.stringify(event), false)).toBe(`${clock} INFO  m list=["a","b c"] n=3 none=null\n`);
});

it('shows the stack of an error below its line, and that of its cause', () => {
  const lines = shown((log) => log.failed(new Error('wrong', { cause: new Error('deeper') }))).split('\n');
  expect(lines.slice(0, 2)).toEqual(['T FATAL a bug in smmap, please report it: wrong', '    Error: wrong']);
  expect(lines[2]).toMatch(/^ {8}at /);
  expect(lines).toContainEqual(expect.stringMatching(/^ {4}caused by: Error: deeper$/));
});

it('lets no text of an error control the terminal', () => {
  expect(shown((log) => log.failed(new Error('a\u009bb')))).toMatch(/^ {4}Error: a\\u009bb$/m);
});

it('names an error whose text is hidden above its frames', () => {
  const lines = shown((log) => log.failed(new TypeError('fred@example.org is wrong')), false, DOMAINS).split('\n');
  expect(lines[1]).toBe('    TypeError: *@example.org is wrong');
  expect(lines[2]).toMatch(/^ {8}at /);
});

it.each([
  [true, 'T \x1b[33mWARN \x1b[39m 3 lines'],
  [false, 'T WARN  3 lines'],
])('marks a level that needs attention by colour: %s', (isColoured, start) => {
  expect(shown((log) => log.lost(3), isColoured)).toContain(start);
});
