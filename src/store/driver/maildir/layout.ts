import type { Flaw } from '../../../address/address.ts';
import type { Question } from '../../../vocabulary.ts';
import { fill, type Notation, parseText, type Template } from '../../template.ts';

/** Where the mailboxes are: the folder that must always be there, and the names of the folders below it. */
export interface Layout {
  readonly root: string;
  readonly steps: readonly Template[];
  /** How many of the steps lead to the folder of a domain; null if domains have no folders. */
  readonly domainSteps: number | null;
}

/** Reads a path such as `/var/vmail/{domain}/{local}`. */
export function parseLayout(text: string): Layout | Flaw {
  if (!text.startsWith('/')) return { flaw: 'is not an absolute path' };
  const names = text.split('/').filter((name) => name !== '');
  if (names.some((name) => name === '.' || name === '..')) return { flaw: 'has a . or .. in it' };
  const first = names.findIndex((name) => name.includes('{'));
  const steps: Template[] = [];
  for (const name of first === -1 ? [] : names.slice(first)) {
    const step = parseText('mailbox', name, NOTATION);
    if ('flaw' in step) return step;
    steps.push(step);
  }
  const used = new Set<string>(steps.flatMap(({ parameters }) => parameters));
  if (!used.has('local') || !used.has('domain')) return { flaw: 'must have {domain} and {local} in it' };
  if (first === 0) return { flaw: 'has no folder before its parameters, such as /var/vmail' };
  const domainAt = steps.findIndex(({ parameters }) => parameters.includes('domain'));
  const isOwn = steps.slice(0, domainAt + 1).every(({ parameters }) => parameters.every((name) => name === 'domain'));
  return { root: `/${names.slice(0, first).join('/')}`, steps, domainSteps: isOwn ? domainAt + 1 : null };
}

/** The names of the folders that lead to a mailbox or to the folder of a domain. Null: no folder can have such a name. */
export function namesFor({ steps, domainSteps }: Layout, question: Question): readonly string[] | null {
  const wanted = question.about === 'domain' ? steps.slice(0, domainSteps ?? 0) : steps;
  const names = wanted.map((step) => fill(step, question));
  return names.every((name) => !/^\.{0,2}$|\//.test(name)) ? names : null;
}

const NOTATION: Notation = {
  tokens: /\{([^{}]*)\}|[{}]|[^{}]+/g,
  write: (name) => `{${name}}`,
  read: (token) => (/[{}]/.test(token) ? { flaw: `has a single ${token}` } : token),
};
