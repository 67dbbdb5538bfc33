import { printable } from './printable.ts';

/** The colour of a level on a terminal (SGR of ECMA-48); others have none. */
const COLOURS: ReadonlyMap<string, number> = new Map([
  ['warn', 33],
  ['error', 31],
  ['fatal', 31],
]);

/** What is read of a line of the log. Every other field is shown as `name=value`. */
interface Line {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly err?: { readonly type: string; readonly message: string; readonly stack: string };
}

/** A line of the log for a person at a terminal: local time, level, text, fields; below it the stack of an error. */
export function prettyOf(json: string, isColoured: boolean): string {
  const { time, level, msg, err, ...others } = JSON.parse(json) as Line;
  const clock = new Date(time).toTimeString().slice(0, 8);
  const fields = Object.entries(others).filter(([name]) => !LEFT_OUT.has(name));
  const words = [clock, painted(level, isColoured), printable(msg), ...fields.map(wordOf)];
  return `${words.join(' ')}\n${err === undefined ? '' : stackOf(err)}`;
}

/** What the text says already, or what is the same in each line. */
const LEFT_OUT: ReadonlySet<string> = new Set(['pid', 'event', 'worker']);

function painted(level: string, isColoured: boolean): string {
  const [colour, name] = [COLOURS.get(level), level.toUpperCase().padEnd(5)];
  return isColoured && colour !== undefined ? `\x1b[${colour}m${name}\x1b[39m` : name;
}

/** A field; its value stands in quotes where it could be taken for something else. */
function wordOf([name, value]: readonly [string, unknown]): string {
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return `${name}=${printable(text)}`;
}

/** The frames alone do not say what happened (keys.ts). */
function stackOf({ type, message, stack }: NonNullable<Line['err']>): string {
  const whole = /^\s+at /.test(stack) ? `${type}: ${message}\n${stack}` : stack;
  return `${printable(whole, true)}\n`.replaceAll(/^(?=.)/gm, '    ');
}
