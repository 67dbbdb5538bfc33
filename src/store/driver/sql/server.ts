import type { Flaw } from '../../../address/address.ts';
import { type Read, section } from '../../../toml/type.ts';
import type { StoreFile } from '../../driver.ts';
import type { watchedKeys } from '../../guard/keys.ts';
import { secretFile, secretFiles, secretIn, tls, urls } from '../../server.ts';
import { queriesOf, queryKeys, sqlAnswers } from './keys.ts';
import type { Dialect } from './query.ts';

/** Reads the URL of a server. `path` is the path of a Unix socket. */
type ParseUrl = (url: string) => { readonly host: string; readonly path?: string | null } | Flaw;

/** The keys of an SQL server. `guards` are the keys of its guards. */
function keysOf(dialect: Dialect, parseUrl: ParseUrl, example: string, guards: typeof watchedKeys) {
  return section({
    url: urls(parseUrl, example),
    password_file: secretFile,
    tls,
    ...queryKeys,
    ...guards,
  }).transform((raw, context) => ({ ...raw, queries: queriesOf(raw, dialect, context) }));
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

/** What the drivers for SQL servers declare in the same way. */
export function sqlServer(dialect: Dialect, parseUrl: ParseUrl, example: string, guards: typeof watchedKeys) {
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
