import { describe, expect, it } from 'vitest';
import { type Layout, parseLayout, type WrittenLayout } from '../../src/store/driver/redis/layout.ts';
import { answersOf, planOf } from '../../src/store/driver/redis/plan.ts';
import { ReplicaError, StoreError } from '../../src/store/store.ts';
import type { MailboxQuestion } from '../../src/vocabulary.ts';

const SET = { set: 'mailboxes', member: '{address}' };
const HASH = { hash: 'mailboxes', field: '{address}' };
const STRING = { key: 'mailbox:{address}', as: 'string' } as const;
const FIELDS = { key: 'mailbox:{address}', as: 'hash' } as const;
const FOLDERS = parseLayout('folder', { set: 'folders:{address}', member: '{detail}' }) as Layout;
const MASTER = ['master', 0, []];
const BYTES = Buffer.from('x');

/** What is said of fred, or of a folder of his, after these replies. */
function answerTo(
  written: WrittenLayout,
  replies: readonly unknown[],
  folder: string | null,
  anyCase: boolean,
  role: unknown = MASTER,
): unknown {
  const local = { local: 'fred', domain: 'example.org', exact: false };
  const question: MailboxQuestion = { about: 'mailbox', ...local, folder, anyCase };
  const plan = planOf(question, { mailbox: parseLayout('mailbox', written) as Layout, folder: FOLDERS });
  const witness = plan.witness === null ? [] : [1];
  return answersOf([plan], true, [...replies, ...witness, role])[0];
}

describe('an absence in Redis', () => {
  it.each<[string, WrittenLayout, readonly unknown[]]>([
    ['a 0 for a member', SET, [0]],
    ['no field', HASH, [null]],
    ['no key', STRING, [null]],
    ['a hash without fields', FIELDS, [{}]],
  ])('is %s', (_, layout, replies) => {
    expect(answerTo(layout, replies, null, false)).toBeNull();
  });

  it.each<[string, WrittenLayout, readonly unknown[], (boolean | null)?]>([
    ['a text for a member', SET, ['QUEUED']],
    ['null for a member', SET, [null]],
    ['2 for a member', SET, [2]],
    ['nothing for a member', SET, [undefined]],
    ['a number for a value', HASH, [0]],
    ['nothing for a value', STRING, [undefined]],
    ['a number for a hash', FIELDS, [0]],
    ['a list for a hash', FIELDS, [[]]],
    ['an empty text for a hash', FIELDS, [Buffer.alloc(0)]],
    ['null for a hash', FIELDS, [null]],
    ['a text for a member that is a folder', SET, [1, 'QUEUED'], false],
    ['null for a list of folders', SET, [1, null], true],
    ['a list of nothing', SET, [1, [BYTES, null]], true],
  ])('is not %s', (_, layout, replies, anyCase = null) => {
    const answer = answerTo(layout, replies, anyCase === null ? null : 'lists', anyCase ?? false);
    expect(answer).toBeInstanceOf(StoreError);
    expect((answer as StoreError).message).toBe('Redis sent a reply that its command cannot have');
  });
});

it('what is not active in Redis is a doubt on a replica, which may lag', () => {
  const said = (state: string, role: unknown): unknown =>
    answerTo(FIELDS, [{ state: Buffer.from(state) }], null, false, role);
  const REPLICA = ['slave', '127.0.0.1', 6379, 'connected', 0];
  expect(said('disabled', REPLICA)).toBeInstanceOf(ReplicaError);
  expect(said('active', REPLICA)).toMatchObject({ state: 'active' });
  expect(said('disabled', MASTER)).toMatchObject({ state: 'disabled' });
});
