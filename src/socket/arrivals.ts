import type { Turns } from './turn.ts';

/**
 * When the bytes that one socket gives arrived. While it is watched, the turns of the event loop tell. What came while it was
 * not (before it was accepted, while it was paused, behind a read that filled the buffer) is younger than the time when the
 * kernel was last known to have nothing of it, and cannot be told from what is read until the turn after.
 */
export class Arrivals {
  readonly #turns: Turns;
  #emptyAt: number;
  #watchedIn = Infinity; // the turn since which it is watched

  /** Of a socket that is not watched yet, and whose client connected at `since` or later. */
  constructor(turns: Turns, since: number) {
    this.#turns = turns;
    this.#emptyAt = since;
  }

  /** The socket is watched from now on. */
  watch(): void {
    this.#watchedIn = this.#turns.count;
  }

  /** It is not watched from now on. */
  leave(): void {
    if (this.#isSettled()) this.#emptyAt = Math.max(this.#emptyAt, this.#turns.arrived(performance.now()));
    this.#watchedIn = Infinity;
  }

  /** No byte of what was just read arrived before this time. `more`: there may be more behind it. */
  read(more: boolean): number {
    const now = performance.now();
    const latest = this.#turns.arrived(now);
    const arrived = this.#isSettled() ? latest : Math.min(latest, this.#emptyAt);
    if (more) this.#watchedIn = Math.max(this.#watchedIn, this.#turns.count);
    this.#emptyAt = more ? arrived : this.#turns.seen(now);
    return arrived;
  }

  /** The client has read what it was sent: all that it asked before that waited for itself. Returns when that was. */
  drained(): number {
    return (this.#emptyAt = this.#turns.arrived(performance.now()));
  }

  /** Whether the poll of the turn before would have reported what was there. */
  #isSettled(): boolean {
    return this.#turns.count > this.#watchedIn + 1;
  }
}
