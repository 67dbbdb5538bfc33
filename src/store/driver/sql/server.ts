import type { Flaw } from '../../../address/address.ts';
import { complain, type Read, section } from '../../../toml/type.ts';
import type { StoreFile } from '../../driver.ts';
import type { listedKeys } from '../../guard/keys.ts';
import type { Lister } from '../../guard/warm.ts';
import { secretFile, secretFiles, secretIn, tls, urls } from '../../server.ts';
import { queriesOf, queryKeys, sqlAnswers } from './keys.ts';
import { type Listing, listedSchemas, listingOf } from './listing.ts';
import type { Dialect } from './query.ts';

/** Reads the URL of a server. `path` is the path of a Unix socket. */
type ParseUrl = (url: string) => { readonly host: string; readonly path?: string | null } | Flaw;

/** The keys of an SQL server. `guards` are the keys of its guards. */
function keysOf(dialect: Dialect, parseUrl: ParseUrl, example: string, guards: typeof listedKeys) {
  return section({
    url: urls(parseUrl, example),
    password_file: secretFile,
    tls,
    ...queryKeys,
    ...guards,
  }).transform((raw, context) => {
    const listing = raw.mailbox === null ? listingOf(raw.schema, dialect) : null;
    if (raw.cache?.warm === true && listing === null) {
      const reason = 'is true, but smmap lists the mailboxes of some schemas only';
      const remedy = `remove it, or use one of ${listedSchemas(dialect).join(', ')}, and no query of your own for mailbox`;
      complain(context, [{ key: 'cache.warm', reason, remedy }]);
    }
    return { ...raw, queries: queriesOf(raw, dialect, context), listing };
  });
}

/** The configuration of an SQL server, or of several with the same data. */
export type SqlConfig = Read<ReturnType<typeof keysOf>>;

/** The options of one server. */
export interface SqlOptions extends Pick<SqlConfig, 'connections' | 'queries' | 'tls'> {
  /** In the form that its driver reads. */
  readonly url: string;
  /** Called for each new connection. */
  readonly password: (() => Promise<string>) | null;
  /** The time for one batch, including a new connection. */
  readonly timeoutMs: number;
}

/** The options of the server at this URL. */
export function optionsAt(url: string, config: SqlConfig): SqlOptions {
  return { ...config, url, password: secretIn(config.passwordFile) };
}

/** The list of a store, if it is known how to make it. */
export function listOf({ listing }: SqlConfig, list: (listing: Listing) => Lister): { list?: () => Lister } {
  return listing === null ? {} : { list: () => list(listing) };
}

/** What the drivers for SQL servers declare in the same way. */
export function sqlServer(dialect: Dialect, parseUrl: ParseUrl, example: string, guards: typeof listedKeys) {
  const machineOf = (url: string): string => {
    const read = parseUrl(url);
    return 'flaw' in read || typeof read.path === 'string' ? '' : read.host;
  };
  return {
    keys: keysOf(dialect, parseUrl, example, guards),
    ...sqlAnswers,
    secretsInClear: ({ url, passwordFile, tls: secure }: SqlConfig) => ({
      hosts: passwordFile !== null && secure === null ? url.map(machineOf) : [],
      remedy: 'tls = {}',
    }),
    files: ({ passwordFile }: SqlConfig): readonly StoreFile[] => secretFiles('password_file', passwordFile),
  };
}
