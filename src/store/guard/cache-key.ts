import { foldLocal, parseAddress } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import type { Question } from '../../vocabulary.ts';

const [EXACT, ANY_CASE, FOLDER] = [1, 2, 4] as const;

/** Writes a question as a text: its kind, its switches, two lengths, and its words, which may contain any character. */
export function formatQuestion(question: Question): string {
  switch (question.about) {
    case 'mailbox': {
      const { local, domain, exact, folder, anyCase } = question;
      const bits = (exact ? EXACT : 0) | (anyCase ? ANY_CASE : 0) | (folder === null ? 0 : FOLDER);
      return `m${bits}${domain.length}:${local.length}:${domain}${local}${folder ?? ''}`;
    }
    case 'alias': {
      const { local, domain, exact } = question;
      return `a${exact ? EXACT : 0}${domain.length}:${local.length}:${domain}${local}`;
    }
    case 'domain':
      return `d0${question.domain.length}:0:${question.domain}`;
    case 'key': {
      const { table, key, exact } = question;
      return `k${exact ? EXACT : 0}${table.length}:${key.length}:${table}${key}`;
    }
  }
}

/**
 * Reads a question back. The cache keeps only texts, because a word of a question may hold a long request in memory.
 */
export function parseQuestion(text: string): Question {
  const bits = Number(text[1]);
  const first = text.indexOf(':');
  const second = text.indexOf(':', first + 1);
  const middle = second + 1 + Number(text.slice(2, first));
  const end = middle + Number(text.slice(first + 1, second));
  const domain = text.slice(second + 1, middle);
  const local = text.slice(middle, end);
  const exact = (bits & EXACT) !== 0;
  switch (text.charAt(0)) {
    case 'm': {
      const folder = (bits & FOLDER) === 0 ? null : text.slice(end);
      return { about: 'mailbox', local, domain, exact, folder, anyCase: (bits & ANY_CASE) !== 0 };
    }
    case 'a':
      return { about: 'alias', local, domain, exact };
    case 'd':
      return { about: 'domain', domain };
    default:
      return { about: 'key', table: domain, key: local, exact };
  }
}

/** What a text belongs to. All texts of an address have the same owner, and all texts of a domain the same domain. */
export interface Belongs {
  readonly owner: string;
  readonly domain: string;
}

/** What a text belongs to. The domain of a table's key is what follows its last @; without @, it is the whole key. */
export function belongsTo(text: string): Belongs {
  const question = parseQuestion(text);
  switch (question.about) {
    case 'mailbox':
    case 'alias':
      return { owner: addressOwner(question.local, question.domain), domain: question.domain };
    case 'domain':
      return { owner: question.domain, domain: question.domain };
    case 'key': {
      const owner = keyOwner(question.key);
      return { owner, domain: owner.slice(Math.max(1, owner.lastIndexOf('@') + 1)) };
    }
  }
}

function addressOwner(local: string, domain: string): string {
  return `${domain} ${foldLocal(local)}`;
}

function keyOwner(key: string): string {
  return ` ${foldLocal(key)}`;
}

/** Which texts to forget or to show: all, those of a domain, or those of some owners. */
export type Selection = 'all' | { readonly domain: string } | { readonly owners: readonly string[] };

/**
 * Reads what an administrator wants to forget or to see. `fred@example.org` selects the address with its folders, alias
 * and domain, and the key of a table. `@example.org` selects everything in the domain. Any other text selects a domain
 * and the key of a table. Null selects everything.
 */
export function parseSelection(what: string | null): Selection {
  if (what === null) return 'all';
  const whole = what.startsWith('@') ? parseDomain(what.slice(1)) : null;
  if (whole !== null) return { domain: whole };
  const address = parseAddress(what);
  const owners = [keyOwner(what)];
  if ('flaw' in address || address.domain === null) owners.push(parseDomain(what) ?? keyOwner(what));
  else owners.push(addressOwner(address.local, address.domain), address.domain);
  return { owners };
}
