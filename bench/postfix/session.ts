import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf } from '../questions.ts';

/** A session of an SMTP client that asks smtpd for recipients, and sends no mail. */
export interface Session {
  /** Asks until a mailbox is found: a server that forks may defer the first ones while it starts. */
  begin(mailboxes: number): Promise<void>;
  /**
   * Asks for one random mailbox after the other until a time of performance.now(), tells how long smtpd took for each, and
   * resolves when its last transaction is over. Rejects where a mailbox is refused or deferred.
   */
  ask(mailboxes: number, untilMs: number, replied: (ms: number) => void): Promise<void>;
}

const RECIPIENTS = 50; // of a transaction: as many as Postfix gives to another server
const TRIES = 100;
const RETRY_MS = 20;
const CONNECT_MS = 20_000;

/** Connects to a port of this machine, and says EHLO. */
export async function openSession(port: number): Promise<Session> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.setEncoding('latin1').setTimeout(CONNECT_MS, () => socket.destroy(new Error('no reply from smtpd')));
  let text = '';
  let onReply: (code: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  socket.on('data', (chunk: string) => {
    text += chunk;
    const lastLine = text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
    if (!text.endsWith('\n') || lastLine[3] === '-') return; // the rest of the reply is still on its way
    const reply = text;
    text = '';
    onReply(reply);
  });
  socket.on('error', (error) => fail(error));
  socket.on('close', () => fail(new Error('smtpd closed the session')));

  /** Sends a line, or waits for the greeting. */
  const say = (line: string): Promise<void> =>
    new Promise((resolve, reject) => {
      fail = reject;
      onReply = (reply) => {
        if (reply.startsWith('2')) resolve();
        else reject(new Error(`${line} was answered: ${reply.trimEnd()}`));
      };
      if (line !== '') socket.write(`${line}\r\n`);
    });

  await say('');
  await say('EHLO localhost');
  socket.setTimeout(0);
  const recipient = (mailboxes: number): string => `RCPT TO:<${addressOf(Math.floor(Math.random() * mailboxes))}>`;
  return {
    async begin(mailboxes) {
      await say('MAIL FROM:<sender@example.net>');
      for (let tries = 1; ; tries++) {
        try {
          await say(recipient(mailboxes));
          break;
        } catch (error) {
          if (tries === TRIES) throw error;
          await sleep(RETRY_MS);
        }
      }
      await say('RSET');
    },
    async ask(mailboxes, untilMs, replied) {
      while (performance.now() < untilMs) {
        await say('MAIL FROM:<sender@example.net>');
        for (let recipients = 0; recipients < RECIPIENTS; recipients++) {
          const askedMs = performance.now();
          if (askedMs >= untilMs) break;
          await say(recipient(mailboxes));
          replied(performance.now() - askedMs);
        }
        await say('RSET');
      }
    },
  };
}
