import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { wireOf } from '../../src/store/dial.ts';
import { createLines } from '../../src/store/driver/dovecot/lines.ts';
import { createQuota, stateOf } from '../../src/store/driver/dovecot/quota.ts';
import { QuestionError } from '../../src/store/store.ts';

describe('quota-status', () => {
  it.each([
    ['OK', 'active'],
    ['DUNNO', 'active'],
    ['dunno', 'active'],
    ['OK there is room', 'active'],
    ['552 5.2.2 Mailbox is full', 'overquota'],
    ['554 5.2.2 Quota exceeded (mailbox for user is full)', 'overquota'],
    ['452 4.2.2 Voll', 'overquota'],
    ['REJECT 5.2.2 x', 'overquota'],
    ['DEFER_IF_PERMIT 4.2.2', 'overquota'],
  ])('says by %j that a mailbox is %s', (action, state) => {
    expect(stateOf(action)).toBe(state);
  });

  it.each([
    'REJECT Unknown user',
    'REJECT 5.1.1 no such user',
    'DEFER_IF_PERMIT Temporary internal error',
    '554 5.2.1 disabled',
    'OKAY',
    'Mailbox is full 5.2.2',
    '',
  ])('says nothing certain by %j', (action) => {
    expect(stateOf(action)).toBeInstanceOf(QuestionError);
  });
});

describe('a connection to Dovecot', () => {
  it.each([
    ['a line', 'action=552 5.2.2 Mailbox is full\n'],
    ['the beginning of a line, which the next answer would complete', 'action=552 5.2.2 '],
  ])('is lost by %s that it did not ask for', async (_, early) => {
    const socket = Object.assign(new EventEmitter(), { write: () => true, destroy() {} });
    const quota = createQuota(createLines(wireOf(socket as unknown as Socket)));
    const first = quota.ask(['jim@example.org']);
    socket.emit('data', Buffer.from(`action=DUNNO\n\n${early}`));
    expect(await first).toEqual(['active']);
    const second = quota.ask(['fred@example.org']);
    socket.emit('data', Buffer.from('action=DUNNO\n\n'));
    await expect(second).rejects.toThrow('the server sent a line without a question');
  });
});
