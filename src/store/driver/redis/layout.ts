import type { Flaw } from '../../../address/address.ts';
import type { QueryName } from '../../asked.ts';
import { type Notation, type Template, parseText, withoutParameter } from '../../template.ts';

/** Where Redis has what a kind of question is about. */
export type Layout =
  /** A set; a member says no more than that it is there. */
  | { readonly kind: 'set'; readonly key: Template; readonly member: Template }
  /** A hash; a field has the value. */
  | { readonly kind: 'hash'; readonly key: Template; readonly member: Template }
  /** A key to each: a string, which is the value, or a hash with the fields `value` and `state`. */
  | { readonly kind: 'key'; readonly key: Template; readonly as: 'string' | 'hash' };

/** How an administrator writes a layout. */
export type WrittenLayout =
  | { readonly set: string; readonly member: string }
  | { readonly hash: string; readonly field: string }
  | { readonly key: string; readonly as: 'string' | 'hash' };

/** Reads a layout; a Flaw says what is wrong with it, as the end of a sentence that begins with its name. */
export function parseLayout(name: QueryName, written: WrittenLayout): Layout | Flaw {
  const key = parseTemplate(name, 'set' in written ? written.set : 'hash' in written ? written.hash : written.key);
  if ('flaw' in key) return key;
  if ('key' in written) {
    if (name === 'folder') return { flaw: 'is no set: the folders of a mailbox are the members of one' };
    return key.parameters.length === 0 ? withoutParameter(name, inBraces) : { kind: 'key', key, as: written.as };
  }
  const member = parseTemplate(name, 'set' in written ? written.member : written.field);
  if ('flaw' in member) return member;
  if (name === 'folder') {
    if (!('set' in written)) return { flaw: 'is no set: the folders of a mailbox are the members of one' };
    const alone = member.parts.join('') === '' && member.parameters.join() === 'detail';
    if (!alone) return { flaw: 'has another member than {detail}: folders in any case are found by reading the set' };
    if (key.parameters.length === 0 || key.parameters.includes('detail')) {
      return { flaw: 'is not a set for each mailbox: its name needs {address}, and no {detail}' };
    }
  }
  if (name === 'alias' && 'set' in written) return { flaw: 'is a set, and the members of a set have no targets' };
  if (key.parameters.length + member.parameters.length === 0) return withoutParameter(name, inBraces);
  return { kind: 'set' in written ? 'set' : 'hash', key, member };
}

/** A colon is what Redis's names are made of, so parameters stand in braces; `{{` and `}}` are a brace itself. */
const NOTATION: Notation = {
  tokens: /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g,
  write: inBraces,
  read(token) {
    if (token === '{' || token === '}')
      return { flaw: `has a lone ${token}; write ${token}${token} for a brace itself` };
    return token === '{{' ? '{' : token === '}}' ? '}' : token;
  },
};

/** Reads a name such as `mailbox:{address}`; `{{{domain}}}` is the hash tag of a cluster around the domain. */
export function parseTemplate(name: QueryName, text: string): Template | Flaw {
  return text === '' ? { flaw: 'is empty' } : parseText(name, text, NOTATION);
}

function inBraces(name: string): string {
  return `{${name}}`;
}
