import { isLargeLoss } from '../../store/loss.ts';

/** How many records an import may remove. */
export interface RemovalLimit {
  /** From --allow-removals; null: not given. */
  readonly allowRemovals: number | null;
}

/** Whether an import may remove `going` of `of` records: up to --allow-removals, or, without it, no more than ten or a tenth. */
export function mayRemove(going: number, of: number, { allowRemovals }: RemovalLimit): boolean {
  return allowRemovals === null ? !isLargeLoss(going, of) : going <= allowRemovals;
}
