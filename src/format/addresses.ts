import type { Flaw } from '../address/address.ts';

/** How a mail server reads a list of addresses. Postfix adds a missing comma, and Sendmail does not. */
export type ListStyle = 'postfix' | 'sendmail';

const SPECIAL = /[|/\\]|:include:|"(?:[|/\\]|:include:)/iy; // only the mail server can do this; left unchanged
const SPECIAL_REST = /(?:[^,"]|"(?:[^"\\]|\\.)*")*/sy;
const BLANKS = /[ \t\v\f\r]+/y;
const WORD = /(?:[^ \t\v\f\r,;()<>"[\]]|"(?:[^"\\]|\\.)*"|\[[^[\]]*\])+/sy; // with quotes and an address literal
const ANGLE = /<[ \t]*((?:[^<>"]|"(?:[^"\\]|\\.)*")*)>/sy;

/**
 * Splits the right side of virtual(5) or aliases(5) into its addresses, as tok822_parse.c of Postfix does. Comments in
 * parentheses and the name before `<fred@example.org>` are removed. In virtual(5), blanks and semicolons separate too.
 */
export function splitAddresses(text: string, style: ListStyle): readonly string[] | Flaw {
  const found: string[] = [];
  let at = 0;
  let words: string[] = []; // since the last separator
  let ended = false; // by an angle bracket; Sendmail needs a comma after it
  const takeWords = (): void => {
    for (const word of words) found.push(word); // there may be more words than a call can have arguments
    words = [];
  };
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const isSpecial = (): boolean => {
    SPECIAL.lastIndex = at;
    return words.length === 0 && SPECIAL.test(text);
  };
  while (at < text.length) {
    const character = text[at] as string;
    if (take(BLANKS) !== null) continue;
    if (character === ',' || (character === ';' && style === 'postfix')) {
      if (style === 'sendmail' && words.length > 1) return MISSING_COMMA;
      takeWords();
      ended = false;
      at++;
    } else if (character === '(') {
      at = endOfComment(text, at);
      if (at === -1) return { flaw: 'a target has a ( that is not closed' };
    } else if (ended && style === 'sendmail') {
      return MISSING_COMMA;
    } else if (isSpecial()) {
      const [special = ''] = take(SPECIAL_REST) ?? [];
      found.push(special.trim());
      if (text[at] === '"') return UNCLOSED;
    } else if (character === '<') {
      const [, address = ''] = take(ANGLE) ?? [];
      if (address.trim() === '') return { flaw: 'a target has a < without an address and a > after it' };
      // An address among the words of a name: somebody forgot a comma.
      if (words.some((word) => !word.startsWith('"') && word.includes('@'))) return MISSING_COMMA;
      found.push(address.trim());
      words = [];
      ended = true;
    } else {
      const [word] = take(WORD) ?? [];
      if (word === undefined)
        return character === '"' ? UNCLOSED : { flaw: `a target has ${character} outside quotes` };
      if (word.startsWith('#') && !word.includes('@'))
        return { flaw: 'has a # after a target; a comment must have its own line' };
      words.push(word);
    }
  }
  if (style === 'sendmail' && words.length > 1) return MISSING_COMMA;
  takeWords();
  return found;
}

const UNCLOSED: Flaw = { flaw: 'has a quote that is not closed' };
const MISSING_COMMA: Flaw = { flaw: 'a target has a blank outside quotes; separate targets by commas' };

/** The position after the comment that starts here. -1 if it has no end. Comments may be nested. */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return -1;
}
