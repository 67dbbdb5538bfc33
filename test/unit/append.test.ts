import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createAppend } from '../../src/store/driver/embedded/append.ts';
import { openToWrite, transact } from '../../src/store/driver/embedded/lmdb.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

it('puts every text, also where its key is not behind all others, and tells the two apart', async () => {
  const dir = folder();
  await createEmpty(dir);
  const opened = openToWrite(dir);
  const { db } = opened;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'é', 'z 1', 'z 2'), fc.constantFrom('', 'active', 'é'))),
      (given) => {
        transact(opened, () => {
          db.clearSync();
          const append = createAppend(db);
          const wanted = new Map<string, string>();
          for (const [key, text] of given) {
            expect(append(key, text)).toBe([...wanted.keys()].every((each) => each < key));
            wanted.set(key, text);
            expect(db.get(key)).toBe(text);
          }
          expect(new Map(Array.from(db.getRange({}), ({ key, value }) => [key, value]))).toEqual(wanted);
          return false;
        });
      },
    ),
    { numRuns: 50 },
  );
  await db.close();
});
