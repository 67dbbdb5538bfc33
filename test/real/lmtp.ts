// An LMTP server that takes all mail, but for nobody, and remembers for whom it was.

import { chmodSync } from 'node:fs';
import { type Socket, createServer } from 'node:net';

export interface Lmtp {
  /** The recipients of all mails up to now, as they were named to it. */
  readonly recipients: readonly string[];
  /** Whether who comes is sent away for now, with a 421. */
  busy: boolean;
  close(): Promise<void>;
}

/**
 * Listens on a socket's path, for everybody, or on a port of this machine. With a login (`name:password`), it takes mail from
 * clients that have logged in, as lmtpd of Cyrus does over TCP.
 */
export async function startLmtp(path: string | number, login: string | null = null): Promise<Lmtp> {
  const recipients: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    if (lmtp.busy) socket.end('421 4.3.2 not now\r\n');
    else serveLmtp(socket, login, (delivered) => recipients.push(...delivered));
  });
  const lmtp: Lmtp = {
    recipients,
    busy: false,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    if (typeof path === 'number') server.listen(path, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  if (typeof path === 'string') chmodSync(path, 0o666);
  return lmtp;
}

function serveLmtp(socket: Socket, login: string | null, deliver: (recipients: readonly string[]) => void): void {
  const wanted = login === null ? null : Buffer.from(`\0${login.replace(':', '\0')}`).toString('base64');
  let isTrusted = wanted === null;
  let accepted: string[] = [];
  let inData = false;
  let rest = '';
  const answer = (line: string): string => {
    const [, verb = ''] = /^([a-z]+)/i.exec(line) ?? [];
    switch (verb.toUpperCase()) {
      case 'LHLO':
        return (
          ['PIPELINING', '8BITMIME', 'SMTPUTF8', ...(wanted === null ? [] : ['AUTH PLAIN'])]
            .map((offer) => `250-${offer}\r\n`)
            .join('') + '250 SIZE'
        );
      case 'AUTH':
        isTrusted = line === `AUTH PLAIN ${wanted}`;
        return isTrusted ? '235 2.7.0 Ok' : '535 5.7.8 no';
      case 'RCPT':
        if (!isTrusted) return '430 4.7.0 Authentication required';
        if (/<(?:nobody|smmap-)/.test(line)) return '550 5.1.1 User unknown';
        accepted.push(/<(.*)>/.exec(line)?.[1] ?? '');
        return '250 2.1.5 Ok';
      case 'DATA':
        inData = true;
        return '354 go on';
      case 'QUIT':
        return '221 2.0.0 Bye';
      case 'MAIL':
        if (!isTrusted) return '430 4.7.0 Authentication required';
        accepted = [];
        return '250 2.0.0 Ok';
      case 'RSET':
        accepted = [];
        return '250 2.0.0 Ok';
      default:
        return '250 2.0.0 Ok';
    }
  };
  socket.write('220 localhost LMTP\r\n');
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\r\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      if (!inData) {
        socket.write(`${answer(line)}\r\n`);
        if (/^quit/i.test(line)) socket.end();
      } else if (line === '.') {
        inData = false;
        deliver(accepted);
        socket.write('250 2.0.0 Ok\r\n'.repeat(accepted.length));
      }
    }
  });
}
