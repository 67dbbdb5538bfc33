import { plain, saying } from '../../../message.ts';
import { createHeld, type Held } from '../../held.ts';
import { isLargeLoss } from '../../loss.ts';
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

/** Why so many records that are gone are not believed to be gone; null if they are. */
export function flawOfLoss(before: Held, gone: Held): StoreError | null {
  for (const [kind, { size }] of gone.kinds) {
    const all = before.kinds.get(kind)?.size ?? 0;
    if (!isLargeLoss(size, all)) continue;
    return new StoreError(
      saying`${size} of ${all} records (${plain(kind)}) are gone: was the list cut off?; if not, restart smmap`,
    );
  }
  return null;
}
