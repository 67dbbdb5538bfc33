import { joined, saying } from '../../../message.ts';
import type { Answer } from '../../../vocabulary.ts';
import { placesBy } from '../../asked.ts';
import { type Bulk, QuestionError, type StoreError, toStoreError } from '../../store.ts';
import { within } from '../../within.ts';
import { createCluster } from './cluster.ts';
import type { Address, Connection, Host } from './link.ts';
import { answerAll, answersOf, commandsOf, type Layouts, type Plan } from './plan.ts';
import { slotOf } from './slot.ts';

/** Answers from a cluster: asks the master of each slot. `open` connects to a server. */
export function askSlots(
  nodes: readonly Host[],
  layouts: Layouts,
  timeoutMs: number,
  open: (address: Address) => Promise<Connection>,
): Bulk {
  const cluster = createCluster(nodes, open, timeoutMs);
  const askGroup = async (slot: number, plans: readonly Plan[]): Promise<readonly (Answer | StoreError)[]> => {
    try {
      // A node answers only for slots of which it is the master, and redirects the others. So we need not ask for its
      // role.
      const { replies, evicts } = await cluster.transact(slot, commandsOf(plans, false));
      return answersOf(plans, false, replies, evicts);
    } catch (cause) {
      const error = toStoreError(cause);
      return plans.map(() => error);
    }
  };
  return {
    lookupAll: (questions) =>
      answerAll(questions, layouts, async (plans) => {
        await within(cluster.ready(), timeoutMs, 'answer');
        const answers: (Answer | StoreError)[] = [];
        const asked = [...placesBy(plans, slotOfPlan)].map(async ([slot, places]) => {
          const group = places.map((at) => plans[at] as Plan);
          const found = slot === null ? group.map(withoutSlot) : await askGroup(slot, group);
          places.forEach((at, index) => (answers[at] = found[index] as Answer | StoreError));
        });
        await Promise.all(asked);
        return answers;
      }),
    atomic: false, // a transaction cannot span several slots
    close: () => cluster.close(),
  };
}

/** The slot of all keys of a plan, or null if they are in several slots. */
function slotOfPlan({ keys }: Plan): number | null {
  const [slot, ...others] = new Set(keys.map(slotOf));
  return slot === undefined || others.length > 0 ? null : slot;
}

function withoutSlot({ keys }: Plan): QuestionError {
  return new QuestionError(
    saying`${joined(keys, ' and ')} are in different slots: give them one hash tag, such as {{{address}}}`,
  );
}
