import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatLocal } from '../../src/address/address.ts';
import { splitDetail } from '../../src/address/detail.ts';
import { unicodeOf } from '../../src/address/domain.ts';
import { parsePasswdLine } from '../../src/format/passwd.ts';
import { parseRecipientLine } from '../../src/format/recipients.ts';
import type { MailboxOptions } from '../../src/map/mailbox-keys.ts';
import { createMailboxMap } from '../../src/map/mailbox.ts';
import { formatMailboxLine, type Mailbox, parseMailboxLine } from '../../src/record/mailbox.ts';
import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import { NOBODY } from '../../src/vocabulary.ts';
import { MAILBOX } from '../support/options.ts';

const OPTIONS: MailboxOptions = {
  ...MAILBOX,
  defaultDomain: 'example.org',
  localDomains: new Set(['localhost']),
  aliasDomains: new Map([
    ['sales.example', 'example.org'],
    ['fass.example', 'xn--fa-hia.example'], // without it, what Postfix asks is another domain; see smmap check
  ]),
  aliases: false,
};

const DOMAINS = ['example.org', 'xn--bcher-kva.example', 'xn--fa-hia.example', '[192.0.2.1]'];

/** Local parts of the letters that mail servers change, of separators, and of what needs quotes. */
const local = fc
  .array(fc.constantFrom(...Array.from('abIıİßſςσΣKKéÅ+-_.%!#"@\\ ()<>:;,$\''), 'e\u0301', 'A\u0327'), {
    minLength: 1,
    maxLength: 7,
  })
  .map((letters) => letters.join(''));

const separators = fc.constantFrom<readonly string[]>([], ['+'], ['-'], ['+', '-'], ['--', '_']);
const rest = fc.record({
  policy: fc.constantFrom('ignore', 'folder', 'folder-or-inbox'),
  sharedUser: fc.constantFrom(null, '', 'shared'),
});

/** How mail servers write the domain. Postfix in lower case, as it came; Sendmail with its dot. */
const domainsOf = (domain: string): string[] => {
  const texts = [domain, unicodeOf(domain) ?? domain];
  return [...texts, `${domain}.`, ...texts.map((text) => text.toUpperCase().normalize('NFD'))];
};

/** What Postfix 3.7 was seen to ask for. */
const FOLDS: Readonly<Record<string, string>> = { ß: 'ss', ς: 'σ', ſ: 's', İ: 'i\u0307' };
const foldedByPostfix = (name: string): string =>
  Array.from(name, (letter) => FOLDS[letter] ?? letter.toLowerCase()).join('');

/** How mail servers write the local part: in quotes that it needs, in needless ones, and without any. */
const localsOf = (name: string): string[] => {
  const cased = [name, name.toLowerCase(), name.normalize('NFD'), foldedByPostfix(name)];
  const quoted = cased.map((each) => `"${each.replace(/["\\]/g, '\\$&')}"`);
  // Without its quotes, what begins with a quote is read as quoted, and what looks like a source route as one.
  return [...cased.map(formatLocal), ...quoted, ...(/^["@]/.test(name) ? [] : cased)];
};

/** The first key for which a map does not find the mailbox. */
function missed(
  { local: name, domain }: Mailbox,
  keys: readonly string[],
  options: MailboxOptions,
): string | undefined {
  const store = createMemoryStore([{ about: 'mailbox', local: name, domain, state: 'active', value: '', folders: [] }]);
  const map = createMailboxMap(options, true);
  return keys.find((key) => (map(key, store) as { kind: string }).kind !== 'OK');
}

const keysOf = ({ local: name, domain }: Mailbox): string[] => {
  const bare = domain === OPTIONS.defaultDomain ? ['localhost', 'SALES.example'] : [];
  const domains = [...domainsOf(domain), ...bare];
  const alone = bare.length === 0 || name.includes('@') ? [] : localsOf(name);
  return [...localsOf(name).flatMap((each) => domains.map((at) => `${each}@${at}`)), ...alone];
};

describe('a mailbox that an import accepts', () => {
  const imports: readonly (readonly [string, (local: string, domain: string) => object | null])[] = [
    ['a list', (name, domain) => parseMailboxLine(`"${name.replace(/["\\]/g, '\\$&')}"@${domain}`)],
    ['a table of Postfix', (name, domain) => parseRecipientLine(`${formatAddress(name, domain)} OK`, null)],
    [
      'a passwd-file',
      (name, domain) => (name.includes(':') ? null : parsePasswdLine(`${name}@${domain}:x`, null, 'dovecot')),
    ],
  ];

  it.each(imports)('from %s is found in each way in which a mail server writes it', (_, parse) => {
    let accepted = 0;
    fc.assert(
      fc.property(local, fc.constantFrom(...DOMAINS), separators, rest, (name, domain, split, more) => {
        const mailbox = parse(name, domain) as Mailbox | { flaw: string } | null;
        if (mailbox === null || 'flaw' in mailbox || mailbox.local === NOBODY) return;
        accepted++;
        expect(mailbox.local).toBe(name.normalize('NFC'));
        const options = { ...OPTIONS, ...more, separators: split } as MailboxOptions;
        expect(missed(mailbox, keysOf(mailbox), options)).toBeUndefined();
        expect(parseMailboxLine(formatMailboxLine(mailbox))).toEqual(mailbox);
      }),
      { numRuns: 1_500 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('is found with a detail, if its own name has no separator', () => {
    const detail = fc.constantFrom('', 'x', 'X y', 'a+b', 'ß');
    let tried = 0;
    fc.assert(
      fc.property(local, fc.constantFrom(...DOMAINS), separators, detail, (name, domain, split, more) => {
        const [separator] = split;
        if (separator === undefined || splitDetail(`${name}${separator}${more}`, split)?.user !== name) return;
        tried++;
        const mailbox: Mailbox = {
          about: 'mailbox',
          local: name.normalize('NFC'),
          domain,
          state: 'active',
          value: '',
          folders: [],
        };
        const keys = keysOf({ ...mailbox, local: `${name}${separator}${more}` });
        expect(missed(mailbox, keys, { ...OPTIONS, separators: split })).toBeUndefined();
      }),
      { numRuns: 1_500 },
    );
    expect(tried).toBeGreaterThan(100);
  });
});
