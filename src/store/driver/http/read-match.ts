import type { Mistake } from '../../../toml/type.ts';
import { anyJson, type Match } from './match.ts';
import type { AbsentTable, FoundTable } from './request-keys.ts';
import { JSON_TYPE } from './response.ts';

/** An empty array in a 200. */
export const EMPTY_ARRAY: Match = { ...anyJson(200), json: [] };

/** The absences of a request without the key `absent`: a 404 that is JSON, or an empty array. */
export const USUAL_ABSENCE: readonly Match[] = [anyJson(404), EMPTY_ARRAY];

/** Reads `found`, which is always a 200. */
export function readFound(written: FoundTable): Match {
  return readMatch(200, written);
}

/**
 * Reads `absent`, and adds mistakes about it. Only the application may send such a response: not a status alone, and
 * not a page of a proxy.
 */
export function readAbsent(written: AbsentTable, key: string, mistakes: Mistake[]): Match {
  const { status, text } = written;
  const match = readMatch(status, written);
  const isOwn = Object.keys(match.headers).length > 0 || match.text !== null;
  const hasJson = isAboutJson(written);
  if (match.type !== JSON_TYPE && match.type !== null && !isOwn) {
    const remedy = 'also give headers that only the application sends, or text, the whole content';
    mistakes.push({ key: `${key}.type`, reason: `is "${match.type}", which any proxy may send`, remedy });
  }
  if (hasJson && match.type !== JSON_TYPE) {
    const remedy = `give "${JSON_TYPE}", or remove fields, has, lacks and json`;
    mistakes.push({ key: `${key}.type`, reason: `is "${match.type}", which has no fields`, remedy });
  }
  if ((status === 200 || status === 204) && !isOwn && !hasJson) {
    const reason = `is ${status}, which is also the status for an entry that exists`;
    const remedy = 'also give fields, lacks, json, headers or text that only an absence has';
    mistakes.push({ key: `${key}.status`, reason, remedy });
  }
  if (status === 403 && text !== 'null') {
    const reason = 'is 403, with which servers also refuse smmap itself';
    const remedy = 'give 200, 204, 404 or 410; nauthilus says 403 with text = "null"';
    mistakes.push({ key: `${key}.status`, reason, remedy });
  }
  return match;
}

function readMatch(status: number, written: FoundTable): Match {
  const { fields = [], has = [], lacks = [], json, text = null } = written;
  const own = Object.entries(written.headers ?? {}).map(([name, said]) => [name.toLowerCase(), said] as const);
  const isOwn = own.length > 0 || text !== null;
  return {
    status,
    type: written.type?.toLowerCase() ?? (isOwn && !isAboutJson(written) ? null : JSON_TYPE),
    headers: Object.fromEntries(own),
    fields,
    has,
    lacks,
    json,
    text,
  };
}

function isAboutJson({ fields = [], has, lacks, json }: FoundTable): boolean {
  return fields.length > 0 || has !== undefined || lacks !== undefined || json !== undefined;
}
