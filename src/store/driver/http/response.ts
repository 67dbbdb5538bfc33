/** A response of a server. */
export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  /** Their names are in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** The content type of JSON. */
export const JSON_TYPE = 'application/json';

/** The content type of a response in lower case, without its parameters. */
export function typeOf({ contentType }: HttpResponse): string {
  return (contentType.split(';')[0] as string).trim().toLowerCase();
}

/** Whether a response says that it is JSON: `application/json`, or any `+json`. */
export function isJson(response: HttpResponse): boolean {
  return /^application\/(?:[\w.-]+\+)?json$/.test(typeOf(response));
}

/** The content as JSON. Undefined if it is not JSON in UTF-8. */
export function jsonOf({ body }: HttpResponse): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
