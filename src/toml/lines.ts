import { formatKey } from './check.ts';

/** The number of the line on which a key stands, such as `store.people.url`. Null if that is not certain. */
export type LineOf = (key: string) => number | null;

const BARE = /[\w-]+/y;
const BASIC = /"(?:[^"\\\n]|\\.)*"/y;
const LITERAL = /'[^'\n]*'/y;
const TEXTS = [
  /"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}/y,
  /'''(?:[^']|'{1,2}(?!'))*'{3,5}/y,
  BASIC,
  LITERAL,
] as const;
const OTHER = /[^\s,\]}#]+(?: \d\d:[^\s,\]}#]+)?/y; // a number, true, false, or a date with its time
const BLANKS = /[ \t]*/y;
const GAP = /(?:\s|#.*)*/y; // blanks, line ends and comments
const ESCAPE = /\\(?:u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8})|x([\dA-Fa-f]{2})|(.))/gs;
const ESCAPED: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\u001b' };
const PART = /"(?:[^"\\]|\\.)*"|[^."]+/g; // of a key as formatKey writes it

const NOT_UNDERSTOOD = new Error();

/**
 * Finds the lines of the keys of a TOML text, since smol-toml does not tell them. The text was parsed before, so it is valid;
 * if this reads it in another way, no key has a line. A key that is missing has the line of the table that lacks it.
 */
export function locateKeys(text: string): LineOf {
  const { written, implied } = readOrNothing(text);
  return (key) => {
    const parts = key.match(PART) ?? [];
    const exact = written.get(key) ?? implied.get(key);
    if (exact !== undefined) return exact;
    for (let length = parts.length - 1; length > 0; length--) {
      const parent = parts.slice(0, length).join('.');
      const line = written.get(parent) ?? (length > 1 ? implied.get(parent) : undefined);
      if (line !== undefined) return line;
    }
    return null;
  };
}

/** The lines of keys: of those with a header or a value, and of tables that only longer keys name, by the first of these. */
interface Lines {
  readonly written: Map<string, number>;
  readonly implied: Map<string, number>;
}

function readOrNothing(text: string): Lines {
  const lines: Lines = { written: new Map(), implied: new Map() };
  try {
    read(text, lines);
    return lines;
  } catch (error) {
    if (error !== NOT_UNDERSTOOD) throw error;
    return { written: new Map(), implied: new Map() };
  }
}

function read(text: string, { written, implied }: Lines): void {
  let at = 0;
  let line = 1;
  const counts = new Map<string, number>(); // of the tables in each array of tables

  const take = (token: RegExp): string | null => {
    token.lastIndex = at;
    const found = token.exec(text)?.[0] ?? null;
    if (found === null) return null;
    at += found.length;
    for (let end = found.indexOf('\n'); end !== -1; end = found.indexOf('\n', end + 1)) line++;
    return found;
  };
  const skip = (mark: string): boolean => {
    if (!text.startsWith(mark, at)) return false;
    at += mark.length;
    return true;
  };
  const need = (isThere: boolean): void => {
    if (!isThere) throw NOT_UNDERSTOOD;
  };
  const note = (path: readonly string[]): void => {
    written.set(formatKey(path), line);
    for (let length = 1; length < path.length; length++) {
      const key = formatKey(path.slice(0, length));
      if (!implied.has(key)) implied.set(key, line);
    }
  };
  const readPart = (): string => {
    const bare = take(BARE);
    if (bare !== null) return bare;
    const quoted = take(BASIC) ?? take(LITERAL);
    if (quoted === null) throw NOT_UNDERSTOOD;
    return quoted.startsWith('"') ? unescape(quoted.slice(1, -1)) : quoted.slice(1, -1);
  };
  const readKey = (): string[] => {
    const parts: string[] = [];
    do {
      take(BLANKS);
      parts.push(readPart());
      take(BLANKS);
    } while (skip('.'));
    return parts;
  };
  const readValue = (path: readonly string[]): void => {
    if (skip('[')) {
      for (let index = 0; take(GAP), !skip(']'); index++) {
        const element = [...path, String(index)];
        note(element);
        readValue(element);
        take(GAP);
        need(skip(',') || text[at] === ']');
      }
    } else if (skip('{')) {
      while ((take(GAP), !skip('}'))) {
        readEntry(path);
        take(GAP);
        need(skip(',') || text[at] === '}');
      }
    } else {
      need(TEXTS.some((token) => take(token) !== null) || take(OTHER) !== null);
    }
  };
  const readEntry = (table: readonly string[]): void => {
    const path = [...table, ...readKey()];
    note(path);
    need(skip('='));
    take(BLANKS);
    readValue(path);
  };
  /** The table that a header names: in an array of tables it is the last one. */
  const readHeader = (): string[] => {
    const isArray = skip('[');
    const parts = readKey();
    const path: string[] = [];
    for (const [index, part] of parts.entries()) {
      path.push(part);
      const key = formatKey(path);
      if (isArray && index === parts.length - 1) counts.set(key, (counts.get(key) ?? 0) + 1);
      const count = counts.get(key);
      if (count !== undefined) path.push(String(count - 1));
    }
    note(path);
    need(skip(isArray ? ']]' : ']'));
    return path;
  };

  skip('\ufeff');
  let table: readonly string[] = [];
  while ((take(GAP), at < text.length)) {
    if (skip('[')) table = readHeader();
    else readEntry(table);
    take(BLANKS);
    need(at === text.length || /[\r\n#]/.test(text[at] ?? ''));
  }
}

function unescape(text: string): string {
  return text.replaceAll(ESCAPE, (_, four?: string, eight?: string, two?: string, one = '') => {
    const digits = four ?? eight ?? two;
    return digits === undefined
      ? (ESCAPED[one as string] ?? String(one))
      : String.fromCodePoint(Number.parseInt(digits, 16));
  });
}
