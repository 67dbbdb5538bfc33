import { requestFor } from './questions.ts';

/** What the load speaks: the protocol of smmap, or as a bare client that of a mail server behind it. */
export interface Dialect {
  /** Is written when a connection opens, or after a `welcome`; null: neither side greets. */
  readonly hello: string | null;
  /** Whether the server speaks first. */
  readonly welcomes: boolean;
  /** Asks for a key. */
  frameOf(map: string, key: string): string;
  /** Reads the replies of one connection, `atOnce` of them together. */
  createReader(atOnce: number): Reader;
}

export type Verdict = 'found' | 'absent' | 'other';

/**
 * Takes bytes. Returns the verdict of the last reply as soon as all are there, 'welcome' when the server has spoken
 * first, 'greeted' when it can be asked, else null.
 */
export type Reader = (buffer: Buffer, length: number) => Verdict | 'welcome' | 'greeted' | null;

export type DialectName = 'socketmap' | 'lmtp' | 'smtp' | 'dovecot';

const COMMA = 0x2c;
const COLON = 0x3a;
const VERDICTS: Readonly<Record<string, Verdict>> = { O: 'found', N: 'absent', 2: 'found', 5: 'absent', U: 'found' };

const socketmap: Dialect = {
  hello: null,
  welcomes: false,
  frameOf: requestFor,
  // Of a reply only the first letter and the last byte are looked at
  createReader: () => (buffer, length) => {
    if (buffer[length - 1] !== COMMA) return null; // the rest of the reply is still on its way
    return verdictOf(buffer[buffer.indexOf(COLON) + 1] as number);
  },
};

const lmtp: Dialect = {
  hello: 'LHLO localhost\r\n',
  welcomes: true,
  frameOf: (_, key) => `MAIL FROM:<>\r\nRCPT TO:<${key}>\r\nRSET\r\n`,
  createReader: (atOnce) => createLineReader('250 ', 3 * atOnce, 3 * atOnce - 2),
};

const smtp: Dialect = { ...lmtp, hello: 'EHLO localhost\r\n' };

/** The socket auth-userdb. */
const dovecot: Dialect = {
  hello: 'VERSION\t1\t1\n',
  welcomes: false,
  frameOf: (_, key) => `USER\t1\t${key}\tservice=lmtp\n`,
  createReader: (atOnce) => createLineReader('SPID', atOnce, atOnce - 1),
};

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { socketmap, lmtp, smtp, dovecot };

/** The greeting ends with a line that begins with `greeted`. Of `replies` last lines, number `judged` has the verdict. */
function createLineReader(greeted: string, replies: number, judged: number): Reader {
  let hasGreeted = false;
  let rest = '';
  let seen = 0;
  let verdict: Verdict = 'other';
  return (buffer, length) => {
    const lines = (rest + buffer.toString('latin1', 0, length)).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      if (line[3] === '-') continue; // a reply of several lines goes on
      if (!hasGreeted) {
        if (line.startsWith('220 ')) return 'welcome';
        hasGreeted = line.startsWith(greeted);
        if (hasGreeted) return 'greeted';
        continue;
      }
      if (seen++ === judged) verdict = verdictOf(line.charCodeAt(0));
      if (seen < replies) continue;
      seen = 0;
      return verdict;
    }
    return null;
  };
}

function verdictOf(code: number): Verdict {
  return VERDICTS[String.fromCharCode(code)] ?? 'other';
}
