import { messageOf, saidOf } from '../message.ts';

/** How the log shows what may name somebody (log.keys). */
export interface Keys {
  /** The key of a request. `isDomain`: its map is about domains. */
  key(key: string | null, isDomain: boolean): string | null;
  /** What went wrong. `key` is the key of the request, if there was one. */
  cause(cause: unknown, key?: string | null): string;
  /** An error for pino, with its stack. */
  error(cause: unknown): unknown;
}

/** Shows everything. */
export const PLAIN: Keys = { key: (key) => key, cause: messageOf, error: (cause) => cause };

/** Shows only the domain of an address. */
export const DOMAINS: Keys = hiding((text, isDomain) => (isDomain ? text : domainOf(text)));

/** Shows what `hide` makes of each address, mailbox, key, domain and value. */
export function hiding(hide: (text: string, isDomain: boolean) => string): Keys {
  const cause = (thrown: unknown, key: string | null = null): string =>
    saidOf(thrown)
      .parts.map(({ kind, text }) => {
        if (kind === 'public') return text;
        return kind === 'foreign' ? hideIn(text, key, (word) => hide(word, false)) : hide(text, kind === 'domain');
      })
      .join('');
  return {
    key: (key, isDomain) => (key === null || key === '' ? key : hide(key, isDomain)),
    cause,
    error(thrown) {
      const { name = 'Error', stack = '' } = thrown instanceof Error ? thrown : {};
      const frames = stack.split('\n').filter((line) => /^ +at /.test(line)); // the message stands before them
      const [message, shown] = [cause(thrown), frames.join('\n')];
      // pino names an object that has a constructor by that, and shows what else can be enumerated
      return Object.create(null, {
        name: { value: name },
        message: { value: message },
        stack: { value: shown },
      }) as object;
    },
  };
}

/** Takes linear time, because a client chooses the text: each dot ends a label, so that no text can be split in two ways. */
const DOMAIN = /^[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*\.?$|^\[[\w:.]+\]$/u;

/** `*@example.org` for an address, and `*` for anything else. */
function domainOf(text: string): string {
  const domain = text.slice(text.lastIndexOf('@') + 1);
  return text.includes('@') && DOMAIN.test(domain) ? `*@${domain}` : '*';
}

const MOST_FOREIGN = 2_000; // characters: what stands in quotes is looked for from each quote
const MOST_KEY = 1_000; // characters: a longer one takes long to look for, and is no address
const WORD = /(?<![\p{L}\p{N}])(["'`])(.*?)\1(?![\p{L}\p{N}])|[^\s"<>()[\],;]+/gsu;

/**
 * The words of another program, without what stands in quotes, what has an @, and the local part of the key. Hides all of them
 * if the key is very long: they may have a part of it.
 */
function hideIn(text: string, key: string | null, hide: (word: string) => string): string {
  if (key !== null && key.length > MOST_KEY) return hide(text.slice(0, MOST_FOREIGN));
  const locals = localsOf(key);
  const hidden = text.slice(0, MOST_FOREIGN).replace(WORD, (word: string, quote?: string, inner = '') => {
    if (quote !== undefined) return inner === '' ? word : `${quote}${hide(inner)}${quote}`;
    if (/@|%40/.test(word)) return hide(word);
    return locals === null ? word : word.replace(locals, hide);
  });
  return text.length > MOST_FOREIGN ? `${hidden} ...` : hidden;
}

/** Finds the local part of a key, and the user in it, in any case. Null if the key has none. */
function localsOf(key: string | null): RegExp | null {
  if (key === null) return null;
  const [, local = ''] = /^"?(.*?)"?(?:@[^@]*)?$/s.exec(key) ?? [];
  const [user = ''] = local.split(/[+=#-]/);
  const words = [local, user].filter((word) => word.length > 1 && !/\s/.test(word));
  if (words.length === 0) return null;
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.map(escaped).join('|')})(?![\\p{L}\\p{N}])`, 'giu');
}

function escaped(word: string): string {
  return word.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
