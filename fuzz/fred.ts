import type { MailboxQuestion } from '../src/vocabulary.ts';

/** Who is asked for. */
export const FRED: MailboxQuestion = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};
