import { isSharp } from '../../store/driver/embedded/shrink.ts';

/** What holds back a list that would remove much. */
export interface Brake {
  /** How many records may go; null where nobody said. */
  readonly allowRemovals: number | null;
}

/** Whether so many of so many may go: as many as was said, or else no more than ten, or a tenth. */
export function mayRemove(going: number, of: number, { allowRemovals }: Brake): boolean {
  return allowRemovals === null ? !isSharp(going, of) : going <= allowRemovals;
}
