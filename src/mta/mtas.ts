import type { Mta } from './setting.ts';

/** The mail servers, by their names for `smmap mta`. Each file is loaded only when it is needed. To add one, write its file and a line here. */
export const MTAS: Readonly<Record<string, () => Promise<Mta>>> = {
  sendmail: async () => (await import('./sendmail.ts')).sendmail,
  postfix: async () => (await import('./postfix.ts')).postfix,
  exim: async () => (await import('./exim.ts')).exim,
  opensmtpd: async () => (await import('./opensmtpd.ts')).opensmtpd,
  zmailer: async () => (await import('./zmailer.ts')).zmailer,
  procmail: async () => (await import('./procmail.ts')).procmail,
};
