import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** The inputs of a target that are kept: what people write, and what was once found. */
export function readCorpus(folder: string, target: string): readonly Buffer[] {
  const own = join(folder, target);
  mkdirSync(own, { recursive: true });
  return readdirSync(own)
    .toSorted()
    .map((name) => readFileSync(join(own, name)));
}

/** Keeps an input. Returns its file. */
export function keep(folder: string, target: string, bytes: Buffer): string {
  const file = join(folder, target, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  writeFileSync(file, bytes);
  return file;
}

const MOST_EDITS = 6;

/** Any bytes, or an input of the corpus with some places changed. */
export function mutated(corpus: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
  if (corpus.length === 0) return bytes;
  const edit = fc.record({
    at: fc.nat(400),
    cut: fc.nat(8),
    put: fc.oneof(
      bytes,
      fc.string({ maxLength: 8 }).map((text) => Buffer.from(text)),
    ),
  });
  const changed = fc
    .tuple(fc.constantFrom(...corpus), fc.array(edit, { maxLength: MOST_EDITS }), fc.constantFrom(...corpus), fc.nat(3))
    .map(([first, edits, other, splice]) => {
      let all = splice === 0 ? Buffer.concat([first, other]) : Buffer.from(first);
      for (const { at, cut, put } of edits) {
        const place = all.length === 0 ? 0 : at % (all.length + 1);
        all = Buffer.concat([all.subarray(0, place), put, all.subarray(place + cut)]);
      }
      return all;
    });
  return fc.oneof({ arbitrary: changed, weight: 9 }, { arbitrary: bytes, weight: 1 });
}
