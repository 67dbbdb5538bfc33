// A small IMAP client: what is needed to set up a server's mailboxes.

import { connect } from 'node:net';

const WAIT_MS = 20_000;

export interface Imap {
  /** Sends a command and resolves to all that was said before its OK; rejects where it is not OK. */
  readonly send: (command: string) => Promise<string>;
  close(): void;
}

/** A quoted string, for what stands in a command. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A literal, for what may hold line breaks. */
export function literal(text: string): string {
  return `{${Buffer.byteLength(text)}+}\r\n${text}`;
}

/** Connects to a Unix socket and logs in. */
export async function openImap(path: string, user: string): Promise<Imap> {
  const socket = connect(path);
  let said = '';
  let over: Error | null = null;
  let wake = (): void => {};
  const fail = (error: Error): void => {
    over ??= error;
    wake();
  };
  socket.setEncoding('latin1').on('data', (text) => {
    said += text;
    wake();
  });
  socket.on('error', fail);
  socket.on('timeout', () => socket.destroy(new Error('imapd says nothing')));
  socket.on('close', () => fail(new Error(`imapd closed the connection, after: ${said}`)));

  /** Waits for a line that starts with the tag; gives back what came before it, and its rest. */
  const until = async (tag: string): Promise<[string, string]> => {
    socket.setTimeout(WAIT_MS);
    for (;;) {
      const [line, before, rest] = new RegExp(`^([^]*?\\n|)${tag} (.*)\\r\\n`).exec(said) ?? [];
      if (line !== undefined) {
        said = said.slice(line.length);
        socket.setTimeout(0);
        return [before as string, rest as string];
      }
      if (over !== null) throw over;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  let count = 0;
  const send = async (command: string): Promise<string> => {
    const tag = `t${(count += 1)}`;
    socket.write(`${tag} ${command}\r\n`);
    const [before, rest] = await until(tag);
    if (!rest.startsWith('OK')) throw new Error(`${command.split('\r\n')[0]}: ${rest}`);
    return before;
  };
  await until('\\*');
  await send(`LOGIN ${quote(user)} any`);
  return { send, close: () => void socket.destroy() };
}
