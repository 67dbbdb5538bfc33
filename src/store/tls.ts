/** How a connection to a server is protected. Certificates and the key are texts in PEM. */
export interface TlsOptions {
  /** Authorities to trust; null: those that Node trusts. */
  readonly ca: string | null;
  /** Ours, where the server asks who we are. */
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that its certificate has; null: the host of its URL. */
  readonly serverName: string | null;
  /** Whether its certificate has to be valid. */
  readonly verify: boolean;
}
