// Talks SMTP to a mail server, line by line.

import { connect } from 'node:net';

/** A reply: `550`, `5.1.1` where there is such a code, and its last line. */
export interface SmtpReply {
  readonly code: number;
  readonly status: string;
  readonly text: string;
}

export interface Smtp {
  /** What the server offered at EHLO, in capitals: `SMTPUTF8`. */
  readonly offers: ReadonlySet<string>;
  /** Sends a command, and resolves to the reply; rejects where the connection ends instead. */
  say(line: string): Promise<SmtpReply>;
  /** MAIL, with SMTPUTF8 where it is offered and wanted, a RCPT for each, and RSET; the replies to the RCPTs. */
  recipients(addresses: readonly string[]): Promise<SmtpReply[]>;
  /** The same, then a mail for those that were accepted, which has to be taken. */
  send(addresses: readonly string[]): Promise<SmtpReply[]>;
  close(): void;
}

const SENDER = 'sender@example.net';

/**
 * Connects to a port of this machine, from one of its addresses, and says EHLO. A reply that takes longer than the limit ends the
 * connection.
 */
export async function openSmtp(port: number, limitMs = 60_000, localAddress = '127.0.0.1'): Promise<Smtp> {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).setTimeout(limitMs, () => socket.destroy());
  const chunks = socket.setEncoding('utf8').iterator() as AsyncIterableIterator<string>;
  const read = async (): Promise<SmtpReply> => {
    let lines = '';
    while (!/^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n$/.test(lines)) {
      const { value, done } = await chunks.next();
      if (done === true) throw new Error(`the SMTP connection ended, after: ${lines}`);
      lines += value;
    }
    return parse(lines);
  };
  const say = (line: string): Promise<SmtpReply> => {
    socket.write(`${line}\r\n`);
    return read();
  };
  const need = async (code: number, line: string): Promise<SmtpReply> => {
    const reply = await (line === '' ? read() : say(line));
    if (reply.code !== code) throw new Error(`${line} was answered ${reply.text}`);
    return reply;
  };

  try {
    await need(220, '');
    const greeting = await need(250, 'EHLO localhost');
    const offers = new Set(greeting.text.split('\r\n').map((line) => line.slice(4).split(' ')[0]?.toUpperCase() ?? ''));
    const begin = async (addresses: readonly string[]): Promise<SmtpReply[]> => {
      const utf8 = offers.has('SMTPUTF8') && !/^[\0-\x7f]*$/.test(addresses.join('')) ? ' SMTPUTF8' : '';
      await need(250, `MAIL FROM:<${SENDER}>${utf8}`);
      const replies: SmtpReply[] = [];
      for (const address of addresses) replies.push(await say(`RCPT TO:<${address}>`));
      return replies;
    };
    return {
      offers,
      say,
      async recipients(addresses) {
        const replies = await begin(addresses);
        await need(250, 'RSET');
        return replies;
      },
      async send(addresses) {
        const replies = await begin(addresses);
        await need(354, 'DATA');
        await need(250, 'Subject: test\r\n\r\ntest\r\n.');
        return replies;
      },
      close: () => socket.destroy(),
    };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function parse(lines: string): SmtpReply {
  const text = lines.trimEnd();
  const last = text.split('\r\n').pop() as string;
  const [, code = '', status = ''] = /^(\d{3})(?: ([245]\.\d{1,3}\.\d{1,3})\b)?/.exec(last) ?? [];
  return { code: Number(code), status, text };
}
