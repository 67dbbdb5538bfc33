import { type Said, plain, saying } from '../../../message.ts';
import { dial } from '../../dial.ts';
import { StoreError, toStoreError } from '../../store.ts';
import type { TlsOptions } from '../../tls.ts';
import { within } from '../../within.ts';
import { encodeBind, encodeBindExternal, encodeStartTls } from './message.ts';
import type { LdapPlace } from './url.ts';
import { type Result, type Wire, createWire } from './wire.ts';

/** How a connection binds. */
export type LdapBind =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'simple'; readonly dn: string; readonly password: () => Promise<string> }
  /** SASL EXTERNAL: over ldapi as the user of this process, over TLS as the subject of our certificate. */
  | { readonly kind: 'external' };

/** The options of one connection. */
export interface ConnectionOptions {
  readonly place: LdapPlace;
  readonly startTls: boolean;
  readonly tls: TlsOptions | null;
  readonly bind: LdapBind;
  readonly timeoutMs: number;
}

/** Connects, starts TLS if wanted, and binds, all within `timeoutMs`. Rejects if a step fails. */
export async function openConnection(options: ConnectionOptions): Promise<Wire> {
  const { place, timeoutMs } = options;
  return await dial(timeoutMs, async ({ connect, secure }) => {
    const socket = await connect(place.path === null ? { ...place, kind: 'tcp' } : { kind: 'unix', path: place.path });
    if (options.startTls) {
      const wire = createWire(socket, timeoutMs);
      accept(await wire.request('extended', encodeStartTls()), 'StartTLS');
      wire.release();
    }
    const isClear = !place.secure && !options.startTls;
    return await bound(
      createWire(isClear ? socket : await secure(socket, options.tls, place.host), timeoutMs),
      options,
    );
  });
}

async function bound(wire: Wire, { bind, timeoutMs }: ConnectionOptions): Promise<Wire> {
  try {
    if (bind.kind === 'external') accept(await wire.request('bind', encodeBindExternal()), 'the bind');
    if (bind.kind === 'simple') {
      const password = await within(bind.password(), timeoutMs, 'password');
      // With an empty name or password a server binds anonymously, and reports success (RFC 4513 sections 5.1.1 and
      // 5.1.2).
      if (bind.dn === '' || password === '')
        throw new StoreError('bind_dn or the password in password_file is empty: give both');
      accept(await wire.request('bind', encodeBind(bind.dn, password)), 'the bind');
    }
    return wire;
  } catch (cause) {
    const error = toStoreError(cause);
    wire.destroy(error);
    throw error;
  }
}

function accept({ code, text }: Result, what: string): void {
  if (code !== 0) throw new StoreError(saying`${plain(what)} failed: ${describe(code, text)}`);
}

const NAMES: Readonly<Record<number, string>> = {
  1: 'operationsError',
  2: 'protocolError',
  3: 'timeLimitExceeded',
  4: 'sizeLimitExceeded',
  7: 'authMethodNotSupported',
  8: 'strongerAuthRequired',
  10: 'referral',
  11: 'adminLimitExceeded',
  13: 'confidentialityRequired',
  14: 'saslBindInProgress',
  21: 'invalidAttributeSyntax',
  32: 'noSuchObject',
  34: 'invalidDNSyntax',
  48: 'inappropriateAuthentication',
  49: 'invalidCredentials',
  50: 'insufficientAccessRights',
  51: 'busy',
  52: 'unavailable',
  53: 'unwillingToPerform',
};

const TLS_NEEDED = 'use ldaps://, or start_tls = true';
const ACCOUNT = 'check bind_dn and password_file';

/** What the administrator can do about a result code. */
const REMEDIES: Readonly<Record<number, string>> = {
  1: 'Active Directory says this to a client that did not bind: set bind_dn and password_file',
  3: 'index the attributes of the filter in the directory',
  4: 'make the filter match fewer entries',
  7: 'bind in another way: with bind_dn, or with sasl',
  8: TLS_NEEDED,
  10: 'set url to the server that has this base',
  11: 'index the attributes of the filter in the directory',
  13: TLS_NEEDED,
  32: 'check base, and whether the account may read it',
  34: 'check base and bind_dn',
  21: 'correct the filter: it names an attribute that the server does not know',
  48: ACCOUNT,
  49: ACCOUNT,
  53: 'the server does not support such a filter, or wants another connection: see its log',
  50: 'give the account the right to search and to read',
};

/** A result code in words: its name, the text of the server, and the remedy. */
export function describe(code: number, text: string): Said {
  const remedy = REMEDIES[code];
  const answer = text === '' ? plain('') : saying`: ${text}`; // the server may name an entry
  return saying`${plain(NAMES[code] ?? 'result')} (${code})${answer}${plain(remedy === undefined ? '' : `; ${remedy}`)}`;
}
