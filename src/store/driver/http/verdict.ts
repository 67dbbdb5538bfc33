import { QuestionError, StoreError } from '../../store.ts';
import { anyJson, flawOf, type Match } from './match.ts';
import { type HttpResponse, jsonOf } from './response.ts';

/** How an application says that something exists, and that it does not. */
export interface Signs {
  /** One of them must match. null: any JSON with status 200 that can be read. */
  readonly found: readonly Match[] | null;
  /** One of them must match. */
  readonly absent: readonly Match[];
}

const ANY_FOUND = [anyJson(200)];
const QUESTION_AT_FAULT: ReadonlySet<number> = new Set([400, 414, 422, 431]);

/**
 * The JSON of a response that says that something exists, or null for a certain absence. Throws QuestionError if the
 * server refuses the question, and StoreError for everything else, such as a 404 that does not come from the
 * application, or a response that is both found and absent.
 */
export function judge(response: HttpResponse, { found, absent }: Signs): { readonly content: unknown } | null {
  const { status } = response;
  const flawsOf = (matches: readonly Match[]) =>
    matches.filter((match) => match.status === status).map((match) => flawOf(response, match));
  const presence = flawsOf(found ?? ANY_FOUND);
  const absence = flawsOf(absent);
  if (absence.includes(null)) {
    if (found !== null && presence.includes(null))
      throw new StoreError(`status ${status}, and both found and absent describe this response: correct them`);
    return null;
  }
  if (presence.includes(null)) return { content: jsonOf(response) };
  const [flaw] = [...presence, ...absence];
  if (typeof flaw === 'string')
    throw new StoreError(
      `status ${status}, but ${flaw}, so it may not come from the application: check url, found and absent`,
    );
  if (QUESTION_AT_FAULT.has(status)) throw new QuestionError(`status ${status}`);
  throw new StoreError(`status ${status}${remedyFor(status)}`);
}

/** What the administrator can do about a status, as the end of a message. */
function remedyFor(status: number): string {
  if (status === 401 || status === 403) return ': check token_file, header_files and headers';
  return status >= 300 && status < 400 ? ': smmap does not follow redirects, so give the final URL' : '';
}
