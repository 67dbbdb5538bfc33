import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readMessages } from '../support/messages.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${ROOT}docs/errors.md`, 'utf8');
const { texts, events } = readMessages(`${ROOT}src`);

/** What the first cells of the tables have in code. */
const documented = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => (line.split(' | ')[0] as string).match(/`[^`]+`/g) ?? [])
  .map((text) => text.slice(1, -1).replaceAll('\\|', '|'));

it('docs/errors.md lists every event of the log and every text of an error', () => {
  const missing = [...events.keys(), ...texts.keys()].filter((each) => !documented.includes(each));
  expect(missing.map((each) => `${texts.get(each)?.join(', ') ?? 'observe/log.ts'}: ${each}`)).toEqual([]);
});

it('docs/errors.md lists nothing that the source does not say', () => {
  expect(documented.filter((each) => !texts.has(each) && !events.has(each))).toEqual([]);
});

it('docs/errors.md lists each text once', () => {
  expect(documented.filter((each, at) => documented.indexOf(each) !== at)).toEqual([]);
});

it('docs/errors.md says the level of each event', () => {
  const levels = [...page.matchAll(/^\| `(\w+)` \| (debug|info|warn|error|fatal) \|/gm)];
  expect(Object.fromEntries(levels.map(([, event, level]) => [event, level]))).toEqual(Object.fromEntries(events));
});
