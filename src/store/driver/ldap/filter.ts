import type { Flaw } from '../../../address/address.ts';
import { PARAMETERS, type Parameter, type QueryName } from '../../asked.ts';
import { isParameter, unknownParameter, withColon, withoutParameter } from '../../template.ts';

/** A value with parameters. Parameters need no escaping, because a filter goes to the server as a tree. */
export type Text = readonly (string | { readonly parameter: Parameter })[];

/** A search filter (RFC 4515) as a tree. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | { readonly kind: 'present'; readonly attribute: string }
  | { readonly kind: 'equal' | 'greater' | 'less' | 'approximate'; readonly attribute: string; readonly value: Text }
  /** `pieces` are the texts between the asterisks. The first and the last may be empty. */
  | { readonly kind: 'substrings'; readonly attribute: string; readonly pieces: readonly Text[] }
  | {
      readonly kind: 'extensible';
      readonly attribute: string | null;
      readonly dn: boolean;
      readonly rule: string | null;
      readonly value: Text;
    };

const DEEPEST = 50; // nested parentheses: no real filter has so many, and each one is a level of the stack

/** Reads a filter with parameters, such as `(mail=:address)`. A colon that begins no parameter is written `\3a`. */
export function parseFilter(name: QueryName, text: string): Filter | Flaw {
  const reader: Reader = { text: text.trim(), at: 0, name, parameters: 0 };
  try {
    const filter = readFilter(reader, 0);
    if (reader.at < reader.text.length)
      return { flaw: `has text after its last parenthesis: ${reader.text.slice(reader.at)}` };
    if (reader.parameters > 0) return filter;
    return withoutParameter(name, withColon);
  } catch (error) {
    if (error instanceof FlawError) return { flaw: error.message };
    throw error;
  }
}

/**
 * Reads the base of a search. It has no parameters: a wrong value would be a wrong base, and every search would fail.
 */
export function parseBase(text: string): string | Flaw {
  const found = /:([a-z_]\w*)/i.exec(text);
  const known: readonly string[] = Object.values(PARAMETERS).flat();
  if (found?.[1] !== undefined && known.includes(found[1])) {
    return { flaw: `has the parameter ${found[0]}, which only a filter may have` };
  }
  if (text !== '' && !/^\s*[a-z0-9][\w.-]*\s*=/i.test(text)) return { flaw: 'is not a distinguished name' };
  return text;
}

class FlawError extends Error {}

interface Reader {
  readonly text: string;
  at: number;
  readonly name: QueryName;
  parameters: number;
}

function readFilter(reader: Reader, depth: number): Filter {
  if (depth > DEEPEST) throw new FlawError(`has over ${DEEPEST} nested parentheses`);
  expect(reader, '(');
  const sign = reader.text[reader.at];
  let filter: Filter;
  if (sign === '&' || sign === '|') {
    reader.at++;
    const filters: Filter[] = [];
    for (skipBlanks(reader); reader.text[reader.at] === '('; skipBlanks(reader)) {
      filters.push(readFilter(reader, depth + 1));
    }
    if (filters.length === 0) throw new FlawError(`has no filter after ${sign}`);
    filter = { kind: sign === '&' ? 'and' : 'or', filters };
  } else if (sign === '!') {
    reader.at++;
    skipBlanks(reader);
    filter = { kind: 'not', filter: readFilter(reader, depth + 1) };
    skipBlanks(reader);
  } else {
    filter = readItem(reader);
  }
  expect(reader, ')');
  return filter;
}

function skipBlanks(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++;
}

function expect(reader: Reader, character: string): void {
  const found = reader.text[reader.at];
  if (found === undefined) throw new FlawError(`ends where a ${character} should be`);
  if (found !== character) throw new FlawError(`has ${reader.text.slice(reader.at)} where a ${character} should be`);
  reader.at++;
}

const ATTRIBUTE = String.raw`(?:[a-z][a-z0-9-]*|\d+(?:\.\d+)+)(?:;[a-z0-9-]+)*`;
const SIMPLE = new RegExp(`^(${ATTRIBUTE})([~<>]?=)`, 'i');
const EXTENSIBLE = new RegExp(String.raw`^(${ATTRIBUTE})?(:dn)?(?::([a-z][a-z0-9-]*|\d+(?:\.\d+)+))?:=`, 'i');

function readItem(reader: Reader): Filter {
  const rest = reader.text.slice(reader.at);
  const simple = SIMPLE.exec(rest);
  if (simple !== null) {
    reader.at += simple[0].length;
    const [, attribute, sign] = simple as unknown as [string, string, string];
    const pieces = readValue(reader);
    const [value, ...more] = pieces as [Text, ...Text[]];
    if (sign === '=' && pieces.length === 2 && pieces.every((piece) => piece.length === 0)) {
      return { kind: 'present', attribute };
    }
    if (more.length === 0) return { kind: KINDS[sign as keyof typeof KINDS], attribute, value };
    if (sign !== '=') throw new FlawError(`has an asterisk after ${sign}`);
    if (pieces.slice(1, -1).some((piece) => piece.length === 0)) throw new FlawError('has two asterisks side by side');
    return { kind: 'substrings', attribute, pieces };
  }
  const extensible = EXTENSIBLE.exec(rest);
  if (extensible === null) throw new FlawError(`has no attribute with a comparison, such as mail=, at ${rest}`);
  reader.at += extensible[0].length;
  const [, attribute = null, dn, rule = null] = extensible;
  if (attribute === null && rule === null)
    throw new FlawError(`has neither an attribute nor a matching rule at ${rest}`);
  const [value, ...more] = readValue(reader) as [Text, ...Text[]];
  if (more.length > 0) throw new FlawError('has an asterisk after :=');
  return { kind: 'extensible', attribute, dn: dn !== undefined, rule, value };
}

const KINDS = { '=': 'equal', '>=': 'greater', '<=': 'less', '~=': 'approximate' } as const;
const TOKEN = /((?:\\[0-9a-f]{2})+)|(\*)|:([a-z_]\w*)|([^()\\])/giy;

/** Reads a value up to the parenthesis that ends it: the texts between its asterisks. */
function readValue(reader: Reader): Text[] {
  const pieces: (string | { readonly parameter: Parameter })[][] = [[]];
  const append = (text: string): void => {
    const piece = pieces.at(-1) as (string | object)[];
    const last = piece.at(-1);
    if (typeof last === 'string') piece[piece.length - 1] = last + text;
    else piece.push(text);
  };
  while (reader.at < reader.text.length && reader.text[reader.at] !== ')') {
    TOKEN.lastIndex = reader.at;
    const found = TOKEN.exec(reader.text);
    if (found === null)
      throw new FlawError(`has ${reader.text.slice(reader.at)}: in a value write ( as \\28, ) as \\29 and \\ as \\5c`);
    const [, bytes, asterisk, word = '', character] = found;
    if (bytes !== undefined) append(decodeBytes(bytes));
    else if (asterisk !== undefined) pieces.push([]);
    else if (character !== undefined) append(character);
    else if (isParameter(reader.name, word)) {
      (pieces.at(-1) as object[]).push({ parameter: word });
      reader.parameters++;
    } else {
      throw new FlawError(unknownParameter(reader.name, word, withColon).flaw);
    }
    reader.at = TOKEN.lastIndex;
  }
  return pieces;
}

function decodeBytes(escaped: string): string {
  const bytes = Buffer.from(escaped.replaceAll('\\', ''), 'hex');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FlawError(`has ${escaped}, which is not UTF-8`);
  }
}
