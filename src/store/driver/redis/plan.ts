import { plain, saying } from '../../../message.ts';
import type { Answer, Question } from '../../../vocabulary.ts';
import { type QueryName, queryNameOf } from '../../asked.ts';
import { isActive } from '../../luck.ts';
import { type Row, answerOf } from '../../row.ts';
import { EmptyStoreError, QuestionError, ReplicaError, StoreError } from '../../store.ts';
import { fill } from '../../template.ts';
import type { Layout } from './layout.ts';

/** A command of Redis. Its name is in lower case. */
export type Command = readonly [name: string, ...args: string[]];
/** A reply of Redis: texts are bytes. An error stands for the reply of one command. */
export type Reply = unknown;
/** The layouts of a store, by the questions that they answer. */
export type Layouts = Readonly<Partial<Record<QueryName, Layout>>>;

/** The commands for a question, and how to read their replies. */
export interface Plan {
  readonly name: QueryName;
  /** All keys that the commands read. In a cluster they must be in one slot. */
  readonly keys: readonly string[];
  readonly reads: readonly Command[];
  /**
   * A key that exists as long as the store has any entry: without it no absence is certain. null: there is no such key.
   */
  readonly witness: string | null;
  /** The answer, from the replies to `reads`. null: absent. Throws StoreError if a reply cannot be read. */
  judge(replies: readonly Reply[]): Answer;
}

/** Plans a question. Throws QuestionError if the store has no layout for it. */
export function planOf(question: Question, layouts: Layouts): Plan {
  const name = queryNameOf(question);
  if (name !== 'folder') return planEntry(name, question, layoutOf(layouts, name));
  const mailbox = planEntry('mailbox', question, layoutOf(layouts, 'mailbox'));
  return planFolder(question, mailbox, layoutOf(layouts, 'folder'));
}

function layoutOf(layouts: Layouts, name: QueryName): Layout {
  const layout = layouts[name];
  if (layout === undefined)
    throw new QuestionError(`the store has no layout for ${name}: add one (see docs/stores/redis.md)`);
  return layout;
}

function planEntry(name: QueryName, question: Question, layout: Layout): Plan {
  const key = fill(layout.key, question);
  const plan = (read: Command, witness: string | null, rowOf: (reply: Reply) => Row | null): Plan => ({
    name,
    keys: [key],
    reads: [read],
    witness,
    judge([reply]) {
      const row = rowOf(reply);
      return row === null ? null : answerOf(question, [row]);
    },
  });
  if (layout.kind === 'set') {
    const isMember = (reply: Reply): boolean => expected(reply, isBit) === 1;
    return plan(['sismember', key, fill(layout.member, question)], key, (reply) => (isMember(reply) ? {} : null));
  }
  if (layout.kind === 'hash') {
    return plan(['hgetBuffer', key, fill(layout.member, question)], key, rowOfValue);
  }
  if (layout.as === 'string') return plan(['getBuffer', key], null, rowOfValue);
  return plan(['hgetallBuffer', key], null, rowOfHash);
}

/**
 * Plans the question for a folder. A folder exists only if its mailbox does, and its answer is that of the mailbox. One
 * transaction reads both: if the mailbox exists, its folders were not lost by a flush.
 */
function planFolder(question: Question, mailbox: Plan, layout: Layout): Plan {
  if (question.about !== 'mailbox' || question.folder === null || layout.kind !== 'set') {
    throw new QuestionError('the layout of folder must be a set');
  }
  const { folder, anyCase } = question;
  const key = fill(layout.key, question);
  return {
    name: 'folder',
    keys: [...mailbox.keys, key],
    reads: [...mailbox.reads, anyCase ? ['smembersBuffer', key] : ['sismember', key, folder]],
    witness: mailbox.witness,
    judge(replies) {
      const entry = mailbox.judge(replies.slice(0, -1));
      const reply = intact(replies.at(-1));
      if (entry === null) return null;
      const found = anyCase
        ? expected(reply, isList).some((each) => answerOf(question, [{ folder: each }]) !== null)
        : expected(reply, isBit) === 1;
      return found ? entry : null;
    },
  };
}

function rowOfValue(reply: Reply): Row | null {
  const value = expected(reply, isText);
  return value === null ? null : { value };
}

/** Reads the fields `value` and `state` of a hash. Each may be missing. Other fields are ignored. */
function rowOfHash(reply: Reply): Row | null {
  const { value, state, ...others } = expected(reply, isHash);
  if (value === undefined && state === undefined && Object.keys(others).length === 0) return null;
  return { value, ...(state === undefined ? {} : { state: Buffer.from(state).toString() }) };
}

/** A reply of the kind that its command has. Any other must not be read as an absence. */
function expected<T>(reply: Reply, isOne: (reply: Reply) => reply is T): T {
  const given = intact(reply);
  if (isOne(given)) return given;
  throw new StoreError('Redis sent a reply that its command cannot have');
}

const isBit = (reply: Reply): reply is 0 | 1 => reply === 0 || reply === 1;
const isBytes = (reply: Reply): reply is Uint8Array => reply instanceof Uint8Array;
const isText = (reply: Reply): reply is Uint8Array | null => reply === null || isBytes(reply);
const isList = (reply: Reply): reply is readonly Uint8Array[] => Array.isArray(reply) && reply.every(isBytes);
const isHash = (reply: Reply): reply is Readonly<Record<string, Uint8Array>> =>
  typeof reply === 'object' &&
  reply !== null &&
  !Array.isArray(reply) &&
  !isBytes(reply) &&
  Object.values(reply).every(isBytes);

function intact(reply: Reply): Reply {
  if (reply instanceof Error) throw new QuestionError(withRemedy(reply.message));
  return reply;
}

/** What the administrator can do about an error of Redis, by its first word. */
const REMEDIES: Readonly<Record<string, string>> = {
  NOAUTH: 'set password_file',
  NOPERM: 'give the user the rights that docs/stores/redis.md lists',
  WRONGPASS: 'check username and password_file',
  WRONGTYPE: 'the key has another type than its layout: correct one of them',
};

/** The message of an error of Redis, with the remedy if there is one. */
export function withRemedy(message: string): string {
  const remedy = REMEDIES[message.split(' ', 1)[0] ?? ''];
  return remedy === undefined ? message : `${message}; ${remedy}`;
}

/** Asks all questions that can be planned. A question that cannot be planned fails alone. */
export async function answerAll(
  questions: readonly Question[],
  layouts: Layouts,
  ask: (plans: readonly Plan[]) => Promise<readonly (Answer | StoreError)[]>,
): Promise<readonly (Answer | StoreError)[]> {
  const planned = questions.map((question) => {
    try {
      return planOf(question, layouts);
    } catch (cause) {
      if (cause instanceof QuestionError) return cause;
      throw cause;
    }
  });
  const plans = planned.filter((plan): plan is Plan => !(plan instanceof QuestionError));
  const answers = plans.length === 0 ? [] : await ask(plans);
  let next = 0;
  return planned.map((plan) => (plan instanceof QuestionError ? plan : (answers[next++] as Answer | StoreError)));
}

/**
 * The commands of one transaction for several plans: first what they read, then their witnesses. With `role`, the last
 * one asks whether the server is a master.
 */
export function commandsOf(plans: readonly Plan[], role: boolean): readonly Command[] {
  return [
    ...plans.flatMap(({ reads }) => reads),
    ...witnessesOf(plans).map((key): Command => ['exists', key]),
    ...(role ? [['role'] as const] : []),
  ];
}

/** The answer to each plan, from the replies to `commandsOf`. */
export function answersOf(
  plans: readonly Plan[],
  role: boolean,
  replies: readonly Reply[],
  evicts: string | null = null,
): readonly (Answer | StoreError)[] {
  const rest = [...replies];
  const reads = plans.map((plan) => rest.splice(0, plan.reads.length));
  const there = new Map(witnessesOf(plans).map((key) => [key, rest.shift()]));
  const doubt = role ? doubtOf(rest.shift()) : null;
  return plans.map((plan, at) => {
    try {
      const answer = plan.judge(reads[at] as readonly Reply[]);
      if (isActive(answer) || (answer !== null && doubt === null)) return answer;
      if (doubt !== null) return doubt;
      if (plan.witness !== null && intact(there.get(plan.witness)) !== 1) {
        return new EmptyStoreError(
          `the key ${plan.witness} does not exist: fill it, or correct its name in the layout`,
        );
      }
      return evicts !== null && isLoneKey(plan) ? evicted(evicts) : null;
    } catch (cause) {
      return cause instanceof StoreError
        ? cause
        : new QuestionError(`a value is not UTF-8, correct it: ${String(cause)}`);
    }
  });
}

/** Whether what a plan reads has a key of its own, so that no other entry shows that it was removed. */
function isLoneKey({ name, witness }: Plan): boolean {
  return witness === null || name === 'folder';
}

function evicted(policy: string): QuestionError {
  return new QuestionError(
    saying`not found, but the server removes keys while its memory is full (maxmemory-policy ${plain(policy)}): set noeviction`,
  );
}

/**
 * By which policy a server removes keys of any kind while its memory is full, from its reply to INFO. Null: it does not, or
 * does not tell.
 */
export function evictionIn(reply: Reply): string | null {
  const info = typeof reply === 'string' ? reply : '';
  const [, policy = null] = /^maxmemory_policy:(allkeys-\w+)/m.exec(info) ?? [];
  return /^maxmemory:[1-9]/m.test(info) ? policy : null;
}

/** Why the absences of a server are not certain, from its reply to ROLE. null: it is a master. */
export function doubtOf(reply: Reply): StoreError | null {
  if (reply instanceof Error) return new StoreError(reply.message);
  const role: unknown = Array.isArray(reply) ? reply[0] : reply;
  return role === 'master'
    ? null
    : new ReplicaError('not found or not active on a replica, which may lag: set url to the master, or use sentinels');
}

function witnessesOf(plans: readonly Plan[]): readonly string[] {
  return [...new Set(plans.map(({ witness }) => witness).filter((key) => key !== null))];
}
