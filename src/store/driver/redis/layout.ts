import type { Flaw } from '../../../address/address.ts';
import type { QueryName } from '../../asked.ts';
import { type Notation, type Template, parseText, withoutParameter } from '../../template.ts';

/** Where Redis has the entries for one kind of question. */
export type Layout =
  /** A set. A member only says that the entry exists. */
  | { readonly kind: 'set'; readonly key: Template; readonly member: Template }
  /** A hash. The field has the value of the entry. */
  | { readonly kind: 'hash'; readonly key: Template; readonly member: Template }
  /** A key for each entry: a string with the value, or a hash with the fields `value` and `state`. */
  | { readonly kind: 'key'; readonly key: Template; readonly as: 'string' | 'hash' };

/** How an administrator writes a layout. */
export type WrittenLayout =
  | { readonly set: string; readonly member: string }
  | { readonly hash: string; readonly field: string }
  | { readonly key: string; readonly as: 'string' | 'hash' };

/** Reads a layout. A Flaw is the end of a sentence that begins with the name of the question. */
export function parseLayout(name: QueryName, written: WrittenLayout): Layout | Flaw {
  const key = parseTemplate(name, 'set' in written ? written.set : 'hash' in written ? written.hash : written.key);
  if ('flaw' in key) return key;
  if ('key' in written) {
    if (name === 'folder') return { flaw: 'is not a set: the folders of a mailbox must be the members of a set' };
    return key.parameters.length === 0 ? withoutParameter(name, inBraces) : { kind: 'key', key, as: written.as };
  }
  const member = parseTemplate(name, 'set' in written ? written.member : written.field);
  if ('flaw' in member) return member;
  if (name === 'folder') {
    if (!('set' in written)) return { flaw: 'is not a set: the folders of a mailbox must be the members of a set' };
    const alone = member.parts.join('') === '' && member.parameters.join() === 'detail';
    if (!alone)
      return { flaw: 'must have {detail} alone as member: smmap reads the whole set to find a folder in any case' };
    if (key.parameters.length === 0 || key.parameters.includes('detail')) {
      return { flaw: 'must have one set for each mailbox: put {address} into the name of the set, not {detail}' };
    }
  }
  if (name === 'alias' && 'set' in written) return { flaw: 'is a set, but the members of a set have no targets' };
  if (key.parameters.length + member.parameters.length === 0) return withoutParameter(name, inBraces);
  return { kind: 'set' in written ? 'set' : 'hash', key, member };
}

/** Parameters stand in braces, because names in Redis contain colons. `{{` and `}}` stand for a brace. */
const NOTATION: Notation = {
  tokens: /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g,
  write: inBraces,
  read(token) {
    if (token === '{' || token === '}')
      return { flaw: `has a single ${token}: write ${token}${token} for the character ${token}` };
    return token === '{{' ? '{' : token === '}}' ? '}' : token;
  },
};

/**
 * Reads a name such as `mailbox:{address}`. `{{{domain}}}` is the domain in the braces of a hash tag (for a cluster).
 */
export function parseTemplate(name: QueryName, text: string): Template | Flaw {
  return text === '' ? { flaw: 'is empty' } : parseText(name, text, NOTATION);
}

function inBraces(name: string): string {
  return `{${name}}`;
}
