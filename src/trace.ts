import { messageOf } from './message.ts';
import type { Maybe } from './vocabulary.ts';

/** What a step is about. `smmap explain` prints this word before the step. */
export type StepName =
  | 'map'
  | 'key'
  | 'address'
  | 'domain'
  | 'detail'
  | 'mailbox'
  | 'alias'
  | 'target'
  | 'catch-all'
  | 'class'
  | 'table'
  | 'store'
  | 'server'
  | 'breaker'
  | 'canary'
  | 'spelling'
  | 'cache'
  | 'moment'
  | 'shadow'
  | 'deadline';

/** One thing that happened during a request. */
export interface Step {
  readonly about: StepName;
  readonly text: string;
  /** The key of the map that decided this, such as `detail.policy`. "": the section of the map itself. Null: none did. */
  readonly setting: string | null;
  /** How it ended. Null if it takes no time, or if it has not ended. */
  readonly outcome: string | null;
  readonly ms: number | null;
  readonly steps: readonly Step[];
}

/**
 * Listens to one request, for `smmap explain`. The code that decides something says so here. A request that nobody explains
 * has no trace, so it costs one comparison: write `trace?.note(...)`, and the text is not even made.
 */
export interface Trace {
  note(about: StepName, text: string, setting?: string): void;
  /** A step that takes time. Steps inside it go to the trace that is returned. */
  begin(about: StepName, text: string): OpenStep;
}

/** A step that has not ended. */
export interface OpenStep extends Trace {
  end(outcome: string): void;
}

/** A trace that keeps its steps. */
export interface Recording extends Trace {
  readonly steps: readonly Step[];
  /** How many steps were not kept. */
  readonly leftOut: number;
}

const MOST_STEPS = 300; // an alias may have a thousand targets
const MOST_CHARS = 300;

/** Starts to listen. */
export function record(): Recording {
  let leftOut = 0;
  let left = MOST_STEPS;
  const traceTo = (steps: Step[]): Trace => ({
    note: (about, text, setting) => void add(steps, about, text, setting),
    begin(about, text) {
      const since = performance.now();
      const step = add(steps, about, text);
      return {
        ...traceTo(step.steps),
        end(outcome) {
          step.outcome = shortened(outcome);
          step.ms = Number((performance.now() - since).toFixed(3));
        },
      };
    },
  });
  const add = (steps: Step[], about: StepName, text: string, setting: string | null = null): OpenRecord => {
    const step: OpenRecord = { about, text: shortened(text), setting, outcome: null, ms: null, steps: [] };
    if (left-- > 0) steps.push(step);
    else leftOut++;
    return step;
  };
  const steps: Step[] = [];
  return {
    ...traceTo(steps),
    steps,
    get leftOut() {
      return leftOut;
    },
  };
}

type OpenRecord = { -readonly [K in keyof Step]: Step[K] } & { readonly steps: Step[] };

function shortened(text: string): string {
  return text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}...` : text;
}

/** Ends a step with what was asked in it. A failure ends it too, and goes on. */
export function ending<T>(step: OpenStep, asking: () => Maybe<T>, outcomeOf: (value: T) => string): Maybe<T> {
  const settled = (value: T): T => {
    step.end(outcomeOf(value));
    return value;
  };
  const failed = (cause: unknown): never => {
    step.end(`failed: ${messageOf(cause)}`);
    throw cause;
  };
  let value: Maybe<T>;
  try {
    value = asking();
  } catch (cause) {
    return failed(cause);
  }
  return value instanceof Promise ? value.then(settled, failed) : settled(value);
}
