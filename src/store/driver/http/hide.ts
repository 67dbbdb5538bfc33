import { HIDDEN, isSecretName } from '../../../toml/secret.ts';

/** What a store expects of a reply, which is no secret. */
const EXPECTED: ReadonlySet<string> = new Set(['found', 'absent']);

/**
 * A part of the configuration without secrets: without the values of header fields, of parameters of a URL such as
 * `?token=...`, and of fields of a body such as `{ token = "..." }`.
 */
export function hideIn(written: unknown, isBody = false): unknown {
  if (typeof written === 'string') return hideInUrl(written);
  if (Array.isArray(written)) return written.map((each) => hideIn(each, isBody));
  if (typeof written !== 'object' || written === null) return written;
  const entries = Object.entries(written as Readonly<Record<string, unknown>>).map(([key, value]) => {
    if (EXPECTED.has(key)) return [key, value];
    if (key === 'headers') return [key, hideAll(value)];
    const isSecret = isBody && isSecretName(key) && typeof value === 'string' && !value.startsWith(':');
    return [key, isSecret ? HIDDEN : hideIn(value, isBody || key === 'body')];
  });
  return Object.fromEntries(entries);
}

function hideAll(headers: unknown): object {
  return Object.fromEntries(Object.keys(Object(headers)).map((name) => [name, HIDDEN]));
}

function hideInUrl(text: string): string {
  return text.replace(/([?&])([^=&]*)=(?!:)[^&]+/g, (all, mark: string, name: string) =>
    isSecretName(name) ? `${mark}${name}=${HIDDEN}` : all,
  );
}
