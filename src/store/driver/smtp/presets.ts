/** How a kind of mail server has to be asked, and how it says that a mailbox does not exist. */
export interface Hop {
  /** The most transactions and the most refused recipients in one session. Beyond them some refuse whoever exists. */
  readonly checksPerSession: number;
  readonly refusalsPerSession: number;
  /** The texts of a 550 without an enhanced status code that mean an unknown mailbox; `<>` stands for the address. */
  readonly unknown: readonly string[];
  /** Whether VRFY applies the same tests as RCPT TO, and costs less. */
  readonly vrfy: boolean;
}

const CAREFUL = { checksPerSession: 10, refusalsPerSession: 8, unknown: [], vrfy: false } as const;

/**
 * The mail servers that smmap knows, in their default configurations.
 *
 * `postfix` slows down from the tenth error of a session on, and ends it at the twentieth. An accepted RCPT costs one of
 * 100 flow tokens (in_flow_delay), a VRFY none.
 * `exim` ends a session at the eleventh RSET (smtp_accept_max_nonmail).
 * `sendmail` takes ten connections in ten minutes, and any number of checks in each.
 * `opensmtpd` has no limits.
 */
export const HOPS = {
  other: CAREFUL,
  postfix: { ...CAREFUL, checksPerSession: 50, vrfy: true },
  exim: { ...CAREFUL, unknown: ['Unrouteable address'] },
  sendmail: { ...CAREFUL, checksPerSession: 1_000, refusalsPerSession: 1_000 },
  opensmtpd: { ...CAREFUL, checksPerSession: 1_000, refusalsPerSession: 1_000, unknown: ['Invalid recipient: <>'] },
} as const satisfies Readonly<Record<string, Hop>>;
