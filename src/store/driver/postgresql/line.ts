import type { StoreError } from '../../store.ts';
import type { Result } from './prepared.ts';
import type { Group } from './statement.ts';

/**
 * One connection, which never connects again. It ends after a timeout, and after each failure that is not the fault of
 * a question.
 */
export interface Line {
  readonly ended: AbortSignal;
  /**
   * Asks the questions of a group, and sets their verdicts. With `atOnce` there may be several groups: one statement asks
   * all questions.
   */
  ask(groups: readonly Group[], until: number, atOnce: boolean): Promise<void>;
  /** Runs a statement that is not a question, such as LISTEN. */
  run(statement: string, until: number): Promise<void>;
  /** Runs a statement with these values, and prepares it. Its rows are those of `columns`. */
  rows(text: string, values: readonly string[], until: number): Promise<Result>;
  /** Calls `heard` with the payload of each notification. */
  onNotification(heard: (payload: string | undefined) => void): void;
  end(reason: StoreError): void;
}
