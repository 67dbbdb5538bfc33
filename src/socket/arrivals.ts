import type { Turns } from './turn.ts';

/**
 * Dates what one socket gives. While the socket is watched, the turns of the event loop say how old it is. Bytes that came while
 * it was not watched (before it was accepted, while it was paused, behind a read that filled the buffer) came after the
 * kernel was last known to hold none. They are read until the turn after it is watched again, so all reads until then are
 * dated by that.
 */
export class Arrivals {
  readonly #turns: Turns;
  #emptyAt: number;
  #watchedIn = Infinity; // the turn since which it is watched

  /** For a socket that is not watched yet, and whose client did not connect before `since`. */
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

  /** Returns a time; what was just read did not arrive before. `more`: there may be more behind it. */
  read(more: boolean): number {
    const now = performance.now();
    const latest = this.#turns.arrived(now);
    const arrived = this.#isSettled() ? latest : Math.min(latest, this.#emptyAt);
    if (more) this.#watchedIn = Math.max(this.#watchedIn, this.#turns.count);
    this.#emptyAt = more ? arrived : this.#turns.seen(now);
    return arrived;
  }

  /** The client has read what it was sent; what it asked before waited for the client itself. Returns when that was. */
  drained(): number {
    return (this.#emptyAt = this.#turns.arrived(performance.now()));
  }

  /** Whether the poll of the last turn would have reported what was there. */
  #isSettled(): boolean {
    return this.#turns.count > this.#watchedIn + 1;
  }
}
