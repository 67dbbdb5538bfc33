import { commandsToLetRead, ownAccount } from '../../../account.ts';
import { type Format, FORMATS } from '../../../format/formats.ts';
import { type Context, complain, optional, parsedBy, section, z } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { About } from '../../../vocabulary.ts';
import type { Driver, StoreConfig } from '../../driver.ts';
import type { Canary } from '../../guard/canary.ts';
import { contentKeys } from '../../guard/keys.ts';
import { decode } from '../../layout.ts';
import type { FileList } from './load.ts';

/** A list of a file store, and the key of the configuration that names it. */
export type NamedList = FileList & { readonly key: string };

/** The configuration of a file store. */
export interface FileConfig extends StoreConfig {
  readonly canary: ReadonlyMap<string, readonly Canary[]>;
  readonly lists: readonly NamedList[];
}

const PATH = 'the absolute path of a file';
const path = parsedBy(PATH, value.absolutePath);

const keys = section({
  mailboxes: optional(listOf('mailbox')),
  aliases: optional(listOf('alias')),
  domains: optional(listOf('domain')),
  tables: z.record(listOf('key')).default({}).describe('{ access = "/etc/mail/access" }'),
  ...contentKeys,
}).transform(({ driver, canary, mailboxes, aliases, domains, tables }, context): FileConfig => {
  const named = (key: string, about: About, list: WrittenList | null, table = ''): NamedList[] =>
    list === null ? [] : [{ key, about, table, ...list }];
  const lists = [
    ...named('mailboxes', 'mailbox', mailboxes),
    ...named('aliases', 'alias', aliases),
    ...named('domains', 'domain', domains), // after the aliases, which may have domains of class alias
    ...Object.entries(tables).flatMap(([table, list]) =>
      named(`tables.${table}`, 'key', list, tableOf(table, context)),
    ),
  ];
  const remedy = 'give it mailboxes, aliases, domains or tables';
  if (lists.length === 0) complain(context, [{ key: '', reason: 'has no list', remedy }]);
  return { driver, canary, lists };
});

/** The driver for lists in files, such as those of Postfix, Sendmail and Dovecot. */
export const file: Driver<FileConfig> = {
  package: null,
  keys,
  answers: ({ lists }, question) =>
    lists.some(({ about, table, format }) => {
      if (question.about === 'domain') return about !== 'key';
      if (question.about === 'key') return about === 'key' && table === question.table;
      const isFolder = question.about === 'mailbox' && question.folder !== null;
      return about === question.about && (!isFolder || format === 'list');
    }),
  canary: () => 'not needed', // a list without records, or with far fewer than before, is a doubt
  records: {
    missing: () => null,
    async *all({ lists }, about, table) {
      const { loadLists } = await import('./load.ts');
      const { held } = await loadLists(lists.filter((list) => list.about === about && list.table === table));
      const kind = about === 'key' ? `key ${table}` : about;
      for (const [key, text] of held.kinds.get(kind) ?? []) yield decode(about, key, text);
    },
  },
  files: ({ lists }) => lists.map((list) => ({ key: list.key, path: list.path, kind: 'file', right: 'read' })),
  advice({ lists }, { message, code }) {
    if (code === 'ENOENT') return { remedy: 'correct the path, or make the file', commands: [] };
    const list = code === 'EACCES' ? lists.find((each) => message.includes(each.path)) : undefined;
    if (list === undefined) return null;
    return { remedy: 'let the user of smmap read it', commands: [commandsToLetRead(list.path, ownAccount())] };
  },
  load: () => import('./driver.ts'),
  async open({ lists }, outer) {
    const { openFileStore } = await import('./driver.ts');
    return { start: (events) => openFileStore(lists, { ...events, shrank: (...what) => outer.shrank(...what) }) };
  },
};

type WrittenList = Omit<FileList, 'about' | 'table'>;

/** A path, or a path with the format of the list and the domain of names that have none. */
function listOf(about: About) {
  const formats = FORMATS[about] as Readonly<Record<string, Format>>;
  const names = Object.keys(formats);
  const [usual = ''] = names;
  const written = z.strictObject({
    path,
    format: z
      .string()
      .default(usual)
      .describe(`one of ${names.join(', ')}`),
    domain: optional(parsedBy('a domain, such as "example.org"', value.domain)),
  });
  return z
    .union([path.transform((each) => ({ path: each, format: usual, domain: null })), written])
    .describe(`${PATH}, or { path = ..., format = "${usual}" }`)
    .superRefine(({ format, domain }, context) => {
      const needs = formats[format]?.domain;
      if (needs === undefined) {
        const one = `give one of ${names.join(', ')}`;
        complain(context, [{ key: 'format', reason: `is "${format}"`, remedy: one }]);
      }
      const remedy = 'give the domain of the names that have none in the list';
      if (needs === 'lacks' && domain === null) complain(context, [{ key: 'domain', reason: 'is missing', remedy }]);
      if (needs === 'never lacks' && domain !== null) {
        const reason = `is not possible with the format ${format}`;
        complain(context, [{ key: 'domain', reason, remedy: 'remove it: each name in the list has its domain' }]);
      }
    });
}

function tableOf(name: string, context: Context): string {
  try {
    return value.tableName(name);
  } catch (error) {
    context.add(['tables', name], (error as Error).message);
    return name;
  }
}
