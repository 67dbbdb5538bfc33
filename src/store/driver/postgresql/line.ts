import type { StoreError } from '../../store.ts';
import type { Group } from './statement.ts';

/** One connection, from its first packet to its end. It never comes back. It ends when it is late, or fails by more than a question's fault. */
export interface Line {
  readonly ended: AbortSignal;
  /** Asks all groups by one statement, and gives them their verdicts. */
  ask(groups: readonly Group[], until: number): Promise<void>;
  /** Runs a statement of ours. */
  run(statement: string, until: number): Promise<void>;
  /** Calls `heard` with the payload of each notification. */
  onNotification(heard: (payload: string | undefined) => void): void;
  end(reason: StoreError): void;
}
