import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSorter } from '../../src/store/driver/embedded/sorter.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

/** Keys that come twice, and letters whose order is another one in UTF-16; texts that are repeated, and a long one. */
const key = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\uffff', '\u{1f4ee}'), minLength: 1, maxLength: 4 });
const text = fc.constantFrom('', 'active', 'é\tvalue=x', 'x'.repeat(70_000));

/** The files without a name that this process has open in a folder. */
function nameless(dir: string): string[] {
  const paths = readdirSync('/proc/self/fd').map((fd) => linkOf(`/proc/self/fd/${fd}`));
  return paths.filter((path) => path.startsWith(dir) && path.endsWith(' (deleted)'));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // it was the folder that is read here
  }
}

it('sorts what fits into memory and what does not, and keeps equal keys in their order', () => {
  const dir = folder();
  fc.assert(
    fc.property(fc.array(fc.tuple(key, text), { maxLength: 40 }), fc.constantFrom(1, 3, 40), (given, entries) => {
      const sorter = createSorter(dir, { entries, bytes: 1_000_000 });
      for (const [each, its] of given) expect(sorter.add(each, its)).toBe(true);
      const wanted = given.toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
      expect(Array.from(sorter.sorted(), (entry) => [entry.key, entry.text])).toEqual(wanted);
      sorter.close();
    }),
    { numRuns: 60 },
  );
});

it('makes a file only when its memory is full, without a name, and gives it back', () => {
  const dir = folder();
  writeFileSync(`${dir}/smmap.sort`, ''); // of a process that was killed
  const sorter = createSorter(dir, { entries: 2, bytes: 1_000 });
  for (const each of ['c', 'a']) sorter.add(each, each);
  expect(readdirSync(dir)).toEqual(['smmap.sort']);
  for (const each of ['d', 'b']) sorter.add(each, each);
  expect(nameless(dir)).toEqual([`${dir}/smmap.sort (deleted)`]);
  expect(readdirSync(dir)).toEqual([]);
  expect(Array.from(sorter.sorted(), (entry) => entry.key).join('')).toBe('abcd');
  sorter.close();
  expect(nameless(dir)).toEqual([]);
});

it('refuses an entry that never fits, and says which file cannot be made', () => {
  const dir = folder();
  const sorter = createSorter(dir, { entries: 1, bytes: 100 });
  expect(sorter.add('a', 'x'.repeat(100))).toBe(false);
  mkdirSync(`${dir}/smmap.sort`);
  const another = createSorter(dir, { entries: 1, bytes: 100 });
  another.add('a', 'x');
  expect(() => another.add('b', 'x')).toThrow(`${dir}/smmap.sort cannot be used: `);
});
