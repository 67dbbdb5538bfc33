const DEEPEST = 20; // a message with a control has 5
const CONSTRUCTED = 0x20;
const NUMBERS: ReadonlySet<number> = new Set([0x02, 0x0a]);

/**
 * Throws unless these bytes are elements of BER (X.690) that end where what holds them ends. ldapts believes every length: a
 * negative one would keep it at one place for ever, and a number without a byte is 0, which is success.
 */
export function checkElements(bytes: Buffer, start = 0, end = bytes.length, depth = 0): void {
  if (depth > DEEPEST) throw new Error(CUT);
  for (let at = start; at < end;) {
    const tag = bytes[at] as number;
    const first = at + 1 < end ? (bytes[at + 1] as number) : 0x80;
    const more = first < 0x80 ? 0 : first - 0x80;
    const from = at + 2 + more;
    if (first === 0x80 || more > 4 || from > end) throw new Error(CUT);
    const next = from + (more === 0 ? first : bytes.readUIntBE(at + 2, more));
    if (next > end || (next === from && NUMBERS.has(tag))) throw new Error(CUT);
    if ((tag & CONSTRUCTED) !== 0) checkElements(bytes, from, next, depth + 1);
    at = next;
  }
}

const CUT = 'a message is cut';
