import type { Answer, Question } from '../../../vocabulary.ts';
import { type Row, answerOf } from '../../row.ts';
import { type QueryName, queryNameOf } from '../../asked.ts';
import { EmptyStoreError, QuestionError, StoreError } from '../../store.ts';
import { fill } from '../../template.ts';
import type { Layout } from './layout.ts';

/** A command of Redis, with its name in small letters. */
export type Command = readonly [name: string, ...args: string[]];
/** What Redis replied to a command: bytes for each text; an error in the place of a reply is its own. */
export type Reply = unknown;
export type Layouts = Readonly<Partial<Record<QueryName, Layout>>>;

/** How a question is asked. */
export interface Plan {
  /** All that it touches; a cluster has to have them in one slot. */
  readonly keys: readonly string[];
  readonly reads: readonly Command[];
  /** What is there as long as anything is: without it no absence is certain. null: Redis has nothing that could tell. */
  readonly witness: string | null;
  /** What the replies to `reads` say; null: it is not there. Throws StoreError for what cannot be read. */
  judge(replies: readonly Reply[]): Answer;
}

/** Plans a question. Throws QuestionError where no layout has what it is about. */
export function planOf(question: Question, layouts: Layouts): Plan {
  const name = queryNameOf(question);
  if (name !== 'folder') return planEntry(question, layoutOf(layouts, name));
  return planFolder(question, planEntry(question, layoutOf(layouts, 'mailbox')), layoutOf(layouts, 'folder'));
}

function layoutOf(layouts: Layouts, name: QueryName): Layout {
  const layout = layouts[name];
  if (layout === undefined) throw new QuestionError(`there is no layout for ${name}`);
  return layout;
}

function planEntry(question: Question, layout: Layout): Plan {
  const key = fill(layout.key, question);
  const plan = (read: Command, witness: string | null, rowOf: (reply: Reply) => Row | null): Plan => ({
    keys: [key],
    reads: [read],
    witness,
    judge([reply]) {
      const row = rowOf(intact(reply));
      return row === null ? null : answerOf(question, [row]);
    },
  });
  if (layout.kind === 'set') {
    return plan(['sismember', key, fill(layout.member, question)], key, (reply) => (reply === 1 ? {} : null));
  }
  if (layout.kind === 'hash') {
    return plan(['hgetBuffer', key, fill(layout.member, question)], key, rowOfValue);
  }
  if (layout.as === 'string') return plan(['getBuffer', key], null, rowOfValue);
  return plan(['hgetallBuffer', key], null, rowOfHash);
}

/**
 * A folder is one of a mailbox that is there, and has what that has to say. Both are read in one transaction: a mailbox that is
 * still there is the witness that its folders were not flushed away.
 */
function planFolder(question: Question, mailbox: Plan, layout: Layout): Plan {
  if (question.about !== 'mailbox' || question.folder === null || layout.kind !== 'set') {
    throw new QuestionError('folders are the members of a set');
  }
  const { folder, anyCase } = question;
  const key = fill(layout.key, question);
  return {
    keys: [...mailbox.keys, key],
    reads: [...mailbox.reads, anyCase ? ['smembersBuffer', key] : ['sismember', key, folder]],
    witness: mailbox.witness,
    judge(replies) {
      const entry = mailbox.judge(replies.slice(0, -1));
      const reply = intact(replies.at(-1));
      if (entry === null) return null;
      const found = anyCase
        ? (reply as readonly Uint8Array[]).some((each) => answerOf(question, [{ folder: each }]) !== null)
        : reply === 1;
      return found ? entry : null;
    },
  };
}

function rowOfValue(reply: Reply): Row | null {
  return reply === null ? null : { value: reply };
}

/** A hash may have fields for others; of ours, `value` and `state`, each may be missing. */
function rowOfHash(reply: Reply): Row | null {
  const { value, state, ...others } = reply as Readonly<Record<string, Uint8Array>>;
  if (value === undefined && state === undefined && Object.keys(others).length === 0) return null;
  return { value, ...(state === undefined ? {} : { state: Buffer.from(state).toString() }) };
}

function intact(reply: Reply): Reply {
  if (reply instanceof Error) throw new QuestionError(reply.message);
  return reply;
}

/** Asks for what can be planned. A question that cannot be planned fails alone. */
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
 * The commands of one transaction for several plans: what they read, their witnesses after that, and last, where `role`, whether
 * the server is a master.
 */
export function commandsOf(plans: readonly Plan[], role: boolean): readonly Command[] {
  return [
    ...plans.flatMap(({ reads }) => reads),
    ...witnessesOf(plans).map((key): Command => ['exists', key]),
    ...(role ? [['role'] as const] : []),
  ];
}

/** What the replies to `commandsOf` say of each plan. */
export function answersOf(
  plans: readonly Plan[],
  role: boolean,
  replies: readonly Reply[],
): readonly (Answer | StoreError)[] {
  const rest = [...replies];
  const reads = plans.map((plan) => rest.splice(0, plan.reads.length));
  const there = new Map(witnessesOf(plans).map((key) => [key, rest.shift()]));
  const doubt = role ? doubtOf(rest.shift()) : null;
  return plans.map((plan, at) => {
    try {
      const answer = plan.judge(reads[at] as readonly Reply[]);
      if (answer !== null) return answer;
      if (doubt !== null) return doubt;
      if (plan.witness !== null && intact(there.get(plan.witness)) !== 1) {
        return new EmptyStoreError(`there is no ${plan.witness} at all`);
      }
      return null;
    } catch (cause) {
      return cause instanceof StoreError ? cause : new QuestionError(`a text is not UTF-8: ${String(cause)}`);
    }
  });
}

/** Why the absences of a server are not certain, by its reply to ROLE; null where it is a master. */
export function doubtOf(reply: Reply): StoreError | null {
  if (reply instanceof Error) return new StoreError(reply.message);
  const role: unknown = Array.isArray(reply) ? reply[0] : reply;
  return role === 'master' ? null : new QuestionError('it is a replica, whose absences are not certain');
}

function witnessesOf(plans: readonly Plan[]): readonly string[] {
  return [...new Set(plans.map(({ witness }) => witness).filter((key) => key !== null))];
}
