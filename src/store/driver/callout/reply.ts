/** A reply of an SMTP or LMTP server (RFC 5321 section 4.2). */
export interface Reply {
  readonly code: number;
  /**
   * The enhanced status code (RFC 3463), such as `5.1.1`; null: no line has one; `mixed`: lines have different ones, or
   * the last one has none, so a line before it may only quote it.
   */
  readonly status: string | null;
  /** What each line says behind the codes. */
  readonly texts: readonly string[];
}

/** What a server sent is not a reply, so nothing that follows can be understood. */
export class ReplyError extends Error {
  override name = 'ReplyError';
}

/** Reads replies from bytes, however they are cut. */
export interface ReplyReader {
  /** The replies that are complete with these bytes. Throws ReplyError. */
  take(bytes: Buffer): readonly Reply[];
  /** Whether a reply has begun and is not complete. */
  pending(): boolean;
}

const LONGEST_LINE = 4_096; // bytes; RFC 5321 section 4.5.3.1.5 allows 512, and servers repeat the address
const MOST_LINES = 100;
const LINE = /^([2-5]\d\d)(?:([ -])(.*))?$/s;
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?: +|$)/;
const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);

export function createReplyReader(): ReplyReader {
  let rest = EMPTY;
  let lines: { readonly status: string | null; readonly text: string }[] = [];
  let begun: number | null = null;

  const takeLine = (line: string): Reply | null => {
    const [, digits, separator = ' ', said = ''] = LINE.exec(line) ?? [];
    const code = Number(digits);
    if (digits === undefined) throw new ReplyError('a line does not begin with a reply code');
    if (begun !== null && code !== begun) throw new ReplyError('the lines of one reply have different codes');
    if (lines.length >= MOST_LINES) throw new ReplyError(`a reply has over ${MOST_LINES} lines`);
    const [quoted = '', status = null] = STATUS.exec(said) ?? [];
    const text = said.slice(quoted.length);
    if (begun === null && separator !== '-') return { code, status, texts: [text] };
    lines.push({ status, text });
    begun = code;
    if (separator === '-') return null;
    const statuses = new Set(lines.flatMap((each) => each.status ?? []));
    const last = lines.at(-1)?.status ?? null;
    const isClear = statuses.size === 0 || (statuses.size === 1 && last !== null);
    const reply = { code, status: isClear ? last : 'mixed', texts: lines.map((each) => each.text) };
    lines = [];
    begun = null;
    return reply;
  };

  return {
    take(bytes) {
      const replies: Reply[] = [];
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let start = 0;
      for (let end = all.indexOf(LINE_FEED); end !== -1; end = all.indexOf(LINE_FEED, start)) {
        if (end - start > LONGEST_LINE) throw new ReplyError(`a line has over ${LONGEST_LINE} bytes`);
        if (all[end - 1] !== 0x0d || end === start) throw new ReplyError('a line does not end with CR LF');
        const reply = takeLine(all.toString('utf8', start, end - 1));
        if (reply !== null) replies.push(reply);
        start = end + 1;
      }
      rest = start === all.length ? EMPTY : Buffer.from(all.subarray(start)); // a copy: the bytes are not ours
      if (rest.length > LONGEST_LINE) throw new ReplyError(`a line has over ${LONGEST_LINE} bytes`);
      return replies;
    },
    pending: () => rest.length > 0 || begun !== null,
  };
}

/** A reply on one line, for a message. */
export function wordsOfReply({ code, status, texts }: Reply): string {
  return [code, status ?? '', texts.at(-1)].filter((word) => word !== '').join(' ');
}
