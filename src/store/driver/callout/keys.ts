import type { Endpoint } from '../../../endpoint.ts';
import { type Mistake, optional, text } from '../../../toml/type.ts';
import type { MailboxQuestion } from '../../../vocabulary.ts';
import type { ServerConfig } from '../../driver.ts';
import type { Canary } from '../../guard/canary.ts';
import { secretFile, secretIn, tls } from '../../server.ts';
import type { TlsOptions } from '../../tls.ts';
import type { Login } from './session.ts';

/** What the configurations of LMTP and SMTP servers have in common. */

/** How smmap makes itself known, and how the session is protected: by STARTTLS if `tls` is given. */
export const loginKeys = { tls, username: optional(text('the name of a user')), password_file: secretFile };

interface Written {
  readonly tls: TlsOptions | null | object;
  readonly username: string | null;
  readonly password_file: string | null;
  readonly canary: ServerConfig['canary'];
}

/** The mistakes in keys that depend on each other. */
export function checkCallout(raw: Written, endpoints: readonly Endpoint[]): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  if (!raw.canary.has('mailbox')) {
    const remedy = 'give an address that the server always accepts, such as "info@example.org"';
    mistakes.push({ key: 'canary.mailbox', reason: 'is missing', remedy });
  }
  if (raw.username !== null && raw.password_file === null) {
    const remedy = 'give the path of a file with the password of username';
    mistakes.push({ key: 'password_file', reason: 'is missing', remedy });
  }
  if (raw.username === null && raw.password_file !== null) {
    mistakes.push({ key: 'username', reason: 'is missing', remedy: 'give the name of the user who has this password' });
  }
  if (raw.tls !== null && endpoints.some(({ kind }) => kind === 'unix')) {
    const remedy = 'remove it: nobody else reads a Unix socket';
    mistakes.push({ key: 'tls', reason: 'cannot be used with a Unix socket', remedy });
  }
  return mistakes;
}

interface WithLogin {
  readonly tls: TlsOptions | null;
  readonly username: string | null;
  readonly passwordFile: string | null;
}

/** The login of a store; null: it needs none. */
export function loginOf({ username, passwordFile }: WithLogin): Login | null {
  return username === null || passwordFile === null ? null : { username, password: secretIn(passwordFile) };
}

/** The hosts that get the password without TLS. */
export function machinesInClear({ username, tls: secure }: WithLogin, endpoints: readonly Endpoint[]): string[] {
  if (username === null || secure !== null) return [];
  return endpoints.flatMap((endpoint) => (endpoint.kind === 'tcp' ? [endpoint.host] : []));
}

/** The mailbox that nobody has, in the domain of the first canary. It is always the same, so a server can make only one. */
export function nobodyOf(canaries: ReadonlyMap<string, readonly Canary[]>): MailboxQuestion {
  return canaries.get('mailbox')?.[0]?.absent as MailboxQuestion;
}
