/**
 * A part of a text for the log. `public`: it names nobody. `personal`: it may name somebody: an address, a mailbox, a
 * key, a value of an entry. `domain`: the name of a mail domain. `foreign`: words of another program, which may name
 * somebody.
 */
export interface Part {
  readonly kind: 'public' | 'personal' | 'domain' | 'foreign';
  readonly text: string;
}

/** A text for the log that knows which of its parts may name somebody, so that the log can hide them (log.keys). */
export class Said {
  readonly parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.parts = parts;
  }

  toString(): string {
    return this.parts.map(({ text }) => text).join('');
  }
}

/**
 * The tag of a template for such a text. A value counts as personal, unless it is a number, a Said (see `plain` and
 * `ofDomain`), or an error, which keeps its own parts. So an address cannot get into the log by oversight.
 */
export function saying(texts: TemplateStringsArray, ...values: readonly (string | number | Said | Error)[]): Said {
  const parts = texts.flatMap((text, at): readonly Part[] => {
    const value = values[at];
    const own: Part = { kind: 'public', text };
    if (value === undefined) return [own]; // after the last value
    if (value instanceof Error) return [own, ...saidOf(value).parts];
    if (value instanceof Said) return [own, ...value.parts];
    return [own, { kind: typeof value === 'number' ? 'public' : 'personal', text: String(value) }];
  });
  return new Said(parts.filter(({ text }) => text !== ''));
}

/** A value that names nobody: a word of the configuration, a file, a host. */
export function plain(text: string): Said {
  return new Said([{ kind: 'public', text }]);
}

/** The name of a mail domain. */
export function ofDomain(text: string): Said {
  return new Said([{ kind: 'domain', text }]);
}

/** Several values with a text between them. */
export function joined(values: readonly (string | Said | Error)[], between: string): Said {
  return new Said(values.flatMap((value, at) => saying`${plain(at === 0 ? '' : between)}${value}`.parts));
}

/** Words of another program, or of code that does not know their parts. */
export function foreign(text: string): Said {
  return new Said([{ kind: 'foreign', text }]);
}

/** An error that knows which parts of its message may name somebody. */
export class SaidError extends Error {
  readonly #said: Said;

  constructor(message: Said, options?: ErrorOptions) {
    super(String(message), options);
    this.#said = message;
  }

  get said(): Said {
    return this.#said;
  }
}

/** What went wrong, for the log. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The same, with the parts that may name somebody. */
export function saidOf(cause: unknown): Said {
  return cause instanceof SaidError ? cause.said : foreign(messageOf(cause));
}
