import type { Mta } from './setting.ts';

/**
 * The mail servers, by their names for `smmap mta`. Each file is loaded only when it is needed. To add one, write its file and
 * a line here. `release` is what the user says of the mail server; null: that of this machine, or else the newest.
 */
export const MTAS: Readonly<Record<string, (release: string | null) => Promise<Mta>>> = {
  sendmail: async () => (await import('./sendmail.ts')).sendmail,
  postfix: async () => (await import('./postfix.ts')).postfix,
  exim: async () => (await import('./exim.ts')).exim,
  opensmtpd: async (release) => {
    const { hasTablePrograms, readOpensmtpdRelease } = await import('./opensmtpd-release.ts');
    const known = release ?? readOpensmtpdRelease();
    return known === null || hasTablePrograms(known)
      ? (await import('./opensmtpd.ts')).opensmtpd
      : (await import('./opensmtpd-line.ts')).opensmtpdLine;
  },
  zmailer: async () => (await import('./zmailer.ts')).zmailer,
  procmail: async () => (await import('./procmail.ts')).procmail,
};
