import { quoted } from '../../address/written.ts';
import { nameOf } from '../../record/record.ts';
import type { Listed } from '../../store/driver/embedded/list.ts';
import { decode } from '../../store/layout.ts';

/** Records that are in a list a second time. */
export interface Repeats {
  add(record: Listed): void;
  /** What is wrong with the first of them, and where. */
  texts(): readonly string[];
}

const MOST_KEPT = 1_000;

/** Keeps the first `most` of the list, though they come in the order of their keys. */
export function createRepeats(most: number): Repeats {
  let repeats: Listed[] = [];
  const lineOf = ({ at }: Listed): number => Number(at.slice(1));
  const first = (): Listed[] => repeats.toSorted((one, other) => lineOf(one) - lineOf(other)).slice(0, most);
  return {
    add(record) {
      repeats.push(record);
      if (repeats.length > MOST_KEPT) repeats = first();
    },
    texts: () => first().map((record) => `${record.at}: ${flawOfRepeat(record)}`),
  };
}

/** Mail servers use the first of two such lines. Their author must decide. */
function flawOfRepeat({ about, key, text }: Listed): string {
  return `${quoted(nameOf(decode(about, key, text)))}is in the list twice`;
}
