import type { Store } from '../store/store.ts';
import type { Maybe, Reply } from '../vocabulary.ts';

/** What a kind of map may do with its stores while it answers one request. */
export type Lookup = Pick<Store, 'lookup'>;

/** Answers one key of a map by what it looks up. May throw or reject: that is TEMP. */
export type Resolver = (key: string | null, store: Lookup) => Maybe<Reply>;
