import { plain, saying } from '../../../message.ts';
import { nameOf } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { largeIn, type Loss, MOST_EXAMPLES } from '../../brake.ts';
import { createHeld, type Held } from '../../held.ts';
import { decode } from '../../layout.ts';
import { StoreError } from '../../store.ts';
import { createSlices } from './slices.ts';

/** The records that are in `before` and not in `now`, added to `gone`. Null if there are none. */
export async function findGone(before: Held, now: Held, gone: Held | null = null): Promise<Held | null> {
  const found = gone ?? createHeld();
  const slices = createSlices();
  for (const [kind, texts] of before.kinds) {
    const rest = now.kinds.get(kind);
    for (const [key, text] of texts) {
      if (rest?.has(key) !== true) found.put(kind, key, text);
      if (slices.isOver()) await slices.next();
    }
  }
  return found.kinds.size === 0 ? null : found;
}

/** What `now` has lost of `before`: these records are gone. */
export function lossesOf(before: Held, now: Held, gone: Held): readonly Loss[] {
  return Array.from(gone.kinds, ([kind, texts]) => ({
    kind,
    before: before.kinds.get(kind)?.size ?? 0,
    after: now.kinds.get(kind)?.size ?? 0,
    gone: texts.size,
    examples: examplesOf(kind, texts),
  }));
}

/** Why so many records that are gone are not believed to be gone; null if they are. */
export function flawOfLoss(losses: readonly Loss[]): StoreError | null {
  const large = largeIn(losses);
  if (large === undefined) return null;
  const { gone, before, kind } = large;
  return new StoreError(
    saying`${gone} of ${before} records (${plain(kind)}) are gone: was the list cut off?; if not, take it with smmap stores release`,
  );
}

function examplesOf(kind: string, texts: ReadonlyMap<string, string>): readonly string[] {
  const [about = ''] = kind.split(' ');
  const names: string[] = [];
  for (const [key, text] of texts) {
    if (names.push(nameOf(decode(about as About, key, text))) === MOST_EXAMPLES) break;
  }
  return names;
}
