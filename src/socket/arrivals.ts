import type { Turns } from './turn.ts';

/**
 * Says how old the bytes of one socket are. While the socket is watched, the turns of the event loop say it. Bytes that came
 * while it was not watched (before it was accepted, while it was paused, behind a read that filled the buffer) came after the
 * moment when the kernel was last known to hold none. They may be read until the turn after the socket is watched again, so
 * all reads until then get the date of that moment.
 */
export class Arrivals {
  readonly #turns: Turns;
  #emptyAt: number;
  #watchedIn = Infinity; // the turn in which watching began

  /** The socket is not watched yet, and its client did not connect before `since`. */
  constructor(turns: Turns, since: number) {
    this.#turns = turns;
    this.#emptyAt = since;
  }

  /** The socket is watched from now on. */
  watch(): void {
    this.#watchedIn = this.#turns.count;
  }

  /** The socket is not watched from now on. */
  leave(): void {
    if (this.#isSettled()) this.#emptyAt = Math.max(this.#emptyAt, this.#turns.arrived(performance.now()));
    this.#watchedIn = Infinity;
  }

  /** Returns a time: the bytes that were read at `now` did not arrive before it. `more`: more bytes may wait behind them. */
  read(more: boolean, now: number): number {
    const latest = this.#turns.arrived(now);
    const arrived = this.#isSettled() ? latest : Math.min(latest, this.#emptyAt);
    if (more) this.#watchedIn = Math.max(this.#watchedIn, this.#turns.count);
    this.#emptyAt = more ? arrived : this.#turns.seen(now);
    return arrived;
  }

  /** The client has read its replies. Requests that it sent before had to wait for the client itself. Returns the time. */
  drained(): number {
    return (this.#emptyAt = this.#turns.arrived(performance.now()));
  }

  /** Whether the poll of the last turn would have reported waiting bytes. */
  #isSettled(): boolean {
    return this.#turns.count > this.#watchedIn + 1;
  }
}
