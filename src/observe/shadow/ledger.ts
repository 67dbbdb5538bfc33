import { type ShadowHour, type ShadowRecord, formatLine } from './record.ts';

/** Records that are added up: those of the same map, key and reply become one. */
export interface Ledger {
  /** If there is no room, the record that was not added to for the longest time goes. */
  add(item: ShadowRecord | ShadowHour): void;
  readonly records: Iterable<ShadowRecord>;
  readonly hours: Iterable<ShadowHour>;
  readonly isEmpty: boolean;
  /** How many records had to go. */
  readonly unkept: number;
  /** All of it as lines, in the order in which they were last added to. */
  lines(): Iterable<string>;
}

const MOST_HOURS = 2_000; // of all maps: one map has 24 a day

/** An empty ledger for so many records. */
export function createLedger(mostRecords: number): Ledger {
  const records = new Map<string, ShadowRecord>();
  const oldest = records.keys(); // one iterator for all: a new one would pass what was deleted each time
  const hours = new Map<string, ShadowHour>();
  const oldestHours = hours.keys();
  let unkept = 0;
  const addHour = (item: ShadowHour): void => {
    const id = `${item.hour} ${item.map}`;
    const known = hours.get(id);
    const asked = item.asked + (known?.asked ?? 0);
    hours.set(id, { ...item, asked, unkept: item.unkept + (known?.unkept ?? 0) });
    if (hours.size > MOST_HOURS) hours.delete(oldestHours.next().value ?? '');
  };
  const addRecord = (item: ShadowRecord): void => {
    const { map, key, would, reason, reply } = item;
    const id = `${map} ${would} ${reason} ${reply} ${key === null ? 'no UTF-8' : `=${key}`}`;
    const known = records.get(id);
    records.delete(id); // so that it becomes the last one
    records.set(id, known === undefined ? item : sumOf(known, item));
    if (records.size <= mostRecords) return;
    records.delete(oldest.next().value ?? '');
    unkept++;
  };
  return {
    add: (item) => ('hour' in item ? addHour(item) : addRecord(item)),
    records: { [Symbol.iterator]: () => records.values() },
    hours: { [Symbol.iterator]: () => hours.values() },
    get isEmpty() {
      return records.size === 0 && hours.size === 0;
    },
    get unkept() {
      return unkept;
    },
    *lines() {
      for (const hour of hours.values()) yield formatLine(hour);
      for (const record of records.values()) yield formatLine(record);
    },
  };
}

function sumOf(one: ShadowRecord, other: ShadowRecord): ShadowRecord {
  return {
    ...other,
    count: one.count + other.count,
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    known: one.known || other.known,
  };
}
