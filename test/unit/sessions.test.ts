import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSessions, EndedError } from '../../src/store/sessions.ts';
import { StoreError } from '../../src/store/store.ts';

const IDLE_MS = 40;

/** Sessions that only know their number and whether they are open. */
function open() {
  const opened: { number: number; isEnded: boolean; isClosed: boolean; ended(): boolean; close(): void }[] = [];
  const sessions = createSessions(async () => {
    const session = {
      number: opened.length,
      isEnded: false,
      isClosed: false,
      ended: () => session.isEnded || session.isClosed,
      close: () => void (session.isClosed = true),
    };
    opened.push(session);
    return session;
  }, IDLE_MS);
  return { opened, sessions, number: () => sessions.use(async (session) => session.number) };
}

describe('sessions', () => {
  it('uses a session again', async () => {
    const { number, sessions } = open();
    expect([await number(), await number()]).toEqual([0, 0]);
    sessions.close();
  });

  it('lends each session to one at a time', async () => {
    const { number, sessions } = open();
    expect(await Promise.all([number(), number()])).toEqual([0, 1]);
    sessions.close();
  });

  it('closes a session after a failure, because its answer may still come', async () => {
    const { number, opened, sessions } = open();
    await expect(
      sessions.use(async () => {
        throw new StoreError('no answer within 10 ms');
      }),
    ).rejects.toThrow('no answer');
    expect(opened[0]?.isClosed).toBe(true);
    expect(await number()).toBe(1);
    sessions.close();
  });

  it('does not lend a session that has ended', async () => {
    const { number, opened, sessions } = open();
    await number();
    if (opened[0] !== undefined) opened[0].isEnded = true;
    expect(await number()).toBe(1);
    expect(opened[0]?.isClosed).toBe(true);
    sessions.close();
  });

  it('closes a session that nobody uses', async () => {
    const { number, opened, sessions } = open();
    await number();
    await sleep(2 * IDLE_MS);
    expect(opened[0]?.isClosed).toBe(true);
    expect(await number()).toBe(1);
    sessions.close();
  });

  it('closes only the session that nobody uses, while another one is used', async () => {
    const { number, opened, sessions } = open();
    await Promise.all([number(), number()]);
    const untilMs = performance.now() + 2.5 * IDLE_MS;
    const used = new Set<number>();
    while (performance.now() < untilMs) {
      used.add(await number());
      await sleep(IDLE_MS / 8);
    }
    expect([...used]).toEqual([1]);
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    sessions.close();
  });

  it('asks once more in a new session when a kept one ends without an answer', async () => {
    const { number, sessions } = open();
    await number();
    const asked: number[] = [];
    const ask = sessions.use(async (session) => {
      asked.push(session.number);
      throw new EndedError('the server ended the connection');
    });
    await expect(ask).rejects.toThrow(EndedError);
    expect(asked).toEqual([0, 1]);
    sessions.close();
  });

  it('does not ask once more when a new session ends without an answer', async () => {
    const { opened, sessions } = open();
    const ask = sessions.use(async () => {
      throw new EndedError('the server ended the connection');
    });
    await expect(ask).rejects.toThrow(EndedError);
    expect(opened).toHaveLength(1);
    sessions.close();
  });

  it('closes sessions that are lent, kept, or still being opened', async () => {
    const { number, opened, sessions } = open();
    await number();
    const lent = sessions.use(() => sleep(2 * IDLE_MS));
    const opening = number();
    sessions.close();
    await expect(opening).rejects.toThrow('is closed');
    await lent;
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    await expect(number()).rejects.toThrow('is closed');
  });
});
