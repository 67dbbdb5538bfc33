/** The three parts of `user+detail` (RFC 5233); the detail may be empty. */
export interface Detail {
  readonly user: string;
  readonly separator: string;
  readonly detail: string;
}

/** Splits a local part at its first separator that has a user before it. Null if it has none. */
export function splitDetail(local: string, separators: readonly string[]): Detail | null {
  let first = -1;
  let found = '';
  for (const separator of separators) {
    const at = local.indexOf(separator, 1);
    if (at === -1) continue;
    if (first === -1 || at < first || (at === first && separator.length > found.length)) {
      first = at;
      found = separator;
    }
  }
  return first === -1
    ? null
    : { user: local.slice(0, first), separator: found, detail: local.slice(first + found.length) };
}
