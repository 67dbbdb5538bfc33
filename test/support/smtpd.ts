// A server that speaks as a test wants it to, for what no real mail server does on command.

import { type AddressInfo, type Socket, createServer } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

export interface Smtpd {
  readonly port: number;
  /** All lines that clients sent, in their order. */
  readonly lines: string[];
  /** How many connections there were, and how many are open. */
  readonly connections: () => number;
  readonly open: () => number;
  /** Sends bytes to all clients, or ends their connections. */
  readonly send: (bytes: string | Uint8Array) => void;
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

export interface Script {
  /** What it sends to a client that connects; null: nothing. */
  readonly greeting?: string | null;
  /** The same, for each connection. */
  readonly greet?: (connection: number) => string;
  /** What it replies to a line; null: nothing. `end` after it ends the connection. */
  readonly reply: (line: string, connection: number) => string | null;
  /** For STARTTLS: it starts TLS after it has replied 220 to that command. */
  readonly tls?: SecureContext;
  /** Where it listens; without them on 127.0.0.1, on a free port. */
  readonly host?: string;
  readonly port?: number;
  /** Sends each reply byte by byte. */
  readonly bytewise?: boolean;
}

export const END = '\0end';

/** What a server says that has the mailboxes a@, b@ and postmaster@ in every domain. */
export function usual(line: string): string {
  if (/^(EHLO|LHLO)/.test(line)) return '250-here\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n';
  if (/^RCPT TO:<(?:a|b|postmaster)@/.test(line)) return '250 2.1.5 Ok\r\n';
  if (line.startsWith('RCPT')) return '550 5.1.1 User unknown\r\n';
  if (line.startsWith('QUIT')) return `221 2.0.0 Bye\r\n${END}`;
  return '250 2.0.0 Ok\r\n';
}

export async function startSmtpd({
  greeting = '220 here\r\n',
  greet,
  reply,
  tls,
  host,
  port,
  bytewise,
}: Script): Promise<Smtpd> {
  const sockets = new Set<Socket>();
  const lines: string[] = [];
  let connections = 0;
  const serve = (socket: Socket, connection: number): void => {
    let rest = '';
    const onData = (data: Buffer): void => {
      const parts = (rest + data.toString('utf8')).split('\r\n');
      rest = parts.pop() as string;
      for (const line of parts) {
        lines.push(line);
        const said = reply(line, connection);
        if (said === null) continue;
        const [text = '', end] = said.split('\0');
        if (bytewise === true) for (const byte of Buffer.from(text)) socket.write(Buffer.of(byte));
        else socket.write(text);
        if (end !== undefined) socket.end();
        if (line === 'STARTTLS' && tls !== undefined && text.startsWith('220')) {
          socket.off('data', onData);
          const secure = new TLSSocket(socket, { isServer: true, secureContext: tls });
          secure.on('error', () => socket.destroy());
          return serve(secure, connection);
        }
      }
    };
    socket.on('data', onData).on('error', () => {});
  };
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true));
    socket.on('close', () => sockets.delete(socket));
    connections++;
    const [said = '', end] = (greet?.(connections) ?? greeting ?? '').split('\0');
    if (said !== '') socket.write(said);
    if (end !== undefined) socket.end();
    serve(socket, connections);
  });
  await new Promise<void>((resolve) => server.listen(port ?? 0, host ?? '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    lines,
    connections: () => connections,
    open: () => sockets.size,
    send: (bytes) => sockets.forEach((socket) => socket.write(bytes)),
    cut: () => sockets.forEach((socket) => socket.destroy()),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
