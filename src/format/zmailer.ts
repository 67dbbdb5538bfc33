import { type Flaw, formatAddress, formatLocal } from '../address/address.ts';
import { parseTarget } from '../address/target.ts';
import type { Alias } from '../record/alias.ts';
import type { Mailbox } from '../record/mailbox.ts';
import { formatOwner } from '../record/owner.ts';
import { NOBODY } from '../vocabulary.ts';
import { lowerAscii } from './owner.ts';

const LONGEST_LINE = 8_000; // bytes; ZMailer reads into BUFSIZ (8192 in glibc), and would read the rest as another line
const BLANK_OR_CONTROL = /[\s\x00-\x1f\x7f-\x9f]/;
const WHOLE = /^[\x21-\x7e]+$/; // ZMailer ends the value before a blank, and before a character that is not ASCII
const NO_SUCH_USER = 'error!nosuchuser'; // fqdnroutes_spec in fqdnalias.cf
const ARGUMENT = /%\d/; // the option -% of the relation replaces this; it cannot be escaped

/**
 * Writes a line of the relation fqdnaliases of ZMailer, of type ordered or unordered: `key value` (search_seq in unordered.c).
 * There is no blank after a comma, because the value would end there.
 */
export function formatFqdnAlias({ local, domain, targets }: Alias): string | Flaw {
  const name = formatOwner(local, domain);
  for (const text of targets) {
    const target = parseTarget(text);
    if ('flaw' in target) return { flaw: `${name}: has the target ${JSON.stringify(text)}, which ${target.flaw}` };
    if (target.kind !== 'address')
      return { flaw: `${name}: has the target ${text}, but fqdnaliases accepts only addresses` };
    if (ARGUMENT.test(text))
      return { flaw: `${name}: has the target ${text}, in which ZMailer would replace the % and digit` };
  }
  return formatLine(name, local, domain, targets.join(','));
}

/**
 * Writes a line of fqdnroutes, such as `fred@example.org smtp-lmtp!cyrus-lmtp-node!fred%2`. In the route, `%u` is the local part
 * and `%d` the domain; `%0` to `%5` stay for ZMailer. A disabled mailbox is routed to an error: without a line, a catch-all would
 * take its mail. Null for the shared folders of a domain: NOBODY has no route.
 */
export function formatFqdnRoute({ local, domain, state }: Mailbox, route: string): string | Flaw | null {
  if (local === NOBODY) return null;
  const name = formatOwner(local, domain);
  if (state === 'disabled') return formatLine(name, local, domain, NO_SUCH_USER);
  const folded = lowerAscii(local);
  if (/%u/.test(route)) {
    if (formatLocal(folded) !== folded) return { flaw: `${name}: needs quotes, but a route has none` };
    if (/%\d|%$/.test(folded)) return { flaw: `${name}: has a %, which ZMailer would replace in the route` };
  }
  const value = route.replace(/%([ud])/g, (_, what: string) => (what === 'u' ? folded : domain));
  return formatLine(name, local, domain, value);
}

/** Sorts lines by the bytes of their keys, the order in which a relation of type ordered searches. */
export function sortLines(lines: readonly string[]): string[] {
  const keyed = lines.map((line) => ({ line, key: Buffer.from(line.slice(0, `${line} `.indexOf(' '))) }));
  return keyed.toSorted((a, b) => Buffer.compare(a.key, b.key)).map(({ line }) => line);
}

function formatLine(name: string, local: string, domain: string, value: string): string | Flaw {
  const key = local === NOBODY ? `@${domain}` : formatAddress(lowerAscii(local), domain);
  if (BLANK_OR_CONTROL.test(key)) return { flaw: `${JSON.stringify(name)}: has a blank or a control character` };
  if (!WHOLE.test(value))
    return { flaw: `${name}: has a value of which ZMailer reads only a part: ${JSON.stringify(value)}` };
  const line = `${key} ${value}`;
  if (Buffer.byteLength(line) > LONGEST_LINE) return { flaw: `${name}: is over ${LONGEST_LINE} bytes with its value` };
  return line;
}
