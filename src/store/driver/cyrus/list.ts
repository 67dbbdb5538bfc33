import { createReadStream } from 'node:fs';
import type { Flaw } from '../../../address/address.ts';
import { createCyrusReader, type CyrusList, type CyrusOptions } from '../../../format/cyrus.ts';
import type { Remark } from '../../driver.ts';

const LONGEST_LINE = 1_000_000; // characters; a longer one is not a list

/** Reads what `ctl_mboxlist -d` wrote into a file, a small part in each turn of the event loop. Rejects if it cannot. */
export async function readList(path: string, options: CyrusOptions): Promise<CyrusList | Flaw> {
  const reader = createCyrusReader(options);
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    if (rest.length > LONGEST_LINE) return { flaw: `has a line of over ${LONGEST_LINE} characters` };
    for (const line of lines) {
      const flaw = reader.take(line);
      if (flaw !== null) return flaw;
    }
  }
  return reader.take(rest) ?? reader.end();
}

const NOT_BY_LMTP = /[\s"<>]|[^\x00-\x7f]/; // 501 or 550, whether in quotes or not
const LMTPD = 'lmtpd takes no name with a blank, a quote, < or >, or a character beyond ASCII';

/** The mailboxes of a list that can never have mail, because of their names. One remark for each reason. */
export function remarksOn({ mailboxes, leftOut }: CyrusList): readonly Remark[] {
  const odd = mailboxes.filter(({ local }) => NOT_BY_LMTP.test(local));
  const all = [...leftOut, ...odd.map(({ local, domain }) => ({ name: `${local}@${domain}`, reason: LMTPD }))];
  const reasons = new Map<string, { readonly name: string; count: number }>();
  for (const { name, reason } of all) {
    const first = reasons.get(reason);
    if (first === undefined) reasons.set(reason, { name, count: 1 });
    else first.count++;
  }
  return [...reasons].map(([reason, { name, count }]) => {
    const which = count === 1 ? name : `${name} and ${count - 1} more`;
    return { reason: `${which} can never have mail: ${reason}`, remedy: 'rename it in Cyrus, if it should have any' };
  });
}
