import type { QueryName } from '../../asked.ts';
import type { BodyTemplate } from './body.ts';
import type { JsonPath } from './path.ts';
import type { Fields } from './rows.ts';
import type { Encoding, UrlTemplate } from './template.ts';
import type { Signs } from './verdict.ts';

/** A request, and how its response is read. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: UrlTemplate;
  readonly encoding: Encoding;
  /** More fields of its header. */
  readonly headers: Readonly<Record<string, string>>;
  /** The content of a POST. null: the question itself. */
  readonly body: BodyTemplate | null;
  readonly signs: Signs;
  /** null: the server sends rows as smmap has them. */
  readonly fields: Fields | null;
  /** Asked if this one has found something, for what its response lacks, such as the state. */
  readonly next: NextRequest | null;
}

/** A request that follows another one, only if the response has a value at `when`. null: always. */
export interface NextRequest extends HttpRequest {
  readonly when: JsonPath | null;
}

/**
 * The requests of a store, by the questions that they answer. The first one that finds an entry counts, and an entry is
 * absent only if all of them say so.
 */
export type HttpRequests = Readonly<Partial<Record<QueryName, readonly HttpRequest[]>>>;
