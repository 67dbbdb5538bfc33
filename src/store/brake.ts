import { isLargeLoss } from './loss.ts';

/** What a new list has lost of one kind of record (`mailbox`, `alias`, `domain`, `key NAME` for a table). */
export interface Loss {
  readonly kind: string;
  /** How many records the list in use has, and how many the new one. */
  readonly before: number;
  readonly after: number;
  /** How many are in the list in use, and not in the new one. */
  readonly gone: number;
  /** The names of some of these. */
  readonly examples: readonly string[];
}

/** Of a store that keeps its list when a new one has lost many records. */
export interface Brake {
  /** What the new list has lost, while it is held back. Empty: none is held back. */
  held(): readonly Loss[];
  /**
   * Takes the list that is held back. Resolves to what it has lost; empty: none was held back. Rejects with StoreError if
   * the list cannot be taken now.
   */
  release(): Promise<readonly Loss[]>;
}

/** So many names of each kind are shown. */
export const MOST_EXAMPLES = 5;

/** The loss that is so large that a list is held back. Undefined: there is none. */
export function largeIn(losses: readonly Loss[]): Loss | undefined {
  return losses.find(({ gone, before }) => isLargeLoss(gone, before));
}
