import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Case } from '../../src/conformance/case.ts';
import { CASES, groupOf } from '../../src/conformance/cases.ts';

const PAGE = new URL('../../docs/protocol.md', import.meta.url);
const WIDTH = 120;

/** A paragraph in lines of at most 120 characters, as a point of a list. */
function wrapped(text: string): string {
  const lines = ['-'];
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= WIDTH) lines[lines.length - 1] = line;
    else lines.push(`  ${word}`);
  }
  return lines.join('\n');
}

/** `MUST`, or `SHOULD; in lines MUST`, or `in netstrings MUST`. */
function levelOf({ on: { netstring, line } }: Case): string {
  if (netstring === line) return netstring as string;
  if (line === undefined) return `${netstring}, in netstrings`;
  if (netstring === undefined) return `${line}, in lines`;
  return `${netstring}, in lines ${line}`;
}

/** The rules of a group, as docs/protocol.md lists them. */
function rulesOf(group: string): string {
  return CASES.filter((each) => groupOf(each) === group)
    .map((each) => `${wrapped(`**${each.id}** (${levelOf(each)}) ${each.rule} *Why:* ${each.why}`)}\n`)
    .join('');
}

it('docs/protocol.md has the rules that smmap conformance tests, and no others', () => {
  const page = readFileSync(PAGE, 'utf8');
  const groups = [...new Set(CASES.map(groupOf))];
  let expected = page;
  for (const group of groups) {
    const heading = `### Rules: ${group}\n`;
    expect(page).toContain(heading);
    const list = new RegExp(`${heading}(?:\\n(?:[-] .*\\n(?:  .*\\n)*)+)?`);
    expected = expected.replace(list, () => `${heading}\n${rulesOf(group)}`);
  }
  // SMMAP_WRITE_DOCS=1 writes them.
  if (process.env['SMMAP_WRITE_DOCS'] === '1') writeFileSync(PAGE, expected);
  else expect(page).toBe(expected);
  expect([...page.matchAll(/^### Rules: (\w+)$/gm)].map(([, group]) => group)).toEqual(groups);
});

it('each rule has an id of its own', () => {
  const ids = CASES.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
  for (const id of ids) expect(id).toMatch(/^[a-z]+\/[a-z]+\/\d+$/);
});
