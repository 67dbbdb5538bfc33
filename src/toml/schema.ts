/**
 * What a value of the TOML file must be, and what it is read as: the few types that sections are made of. type.ts has the words
 * for them.
 */

/** What a table of the file may be, for all who look into a type. */
export interface Definition {
  readonly shape?: Shape;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly options?: readonly Schema[];
  /** The type inside a type with a default or a transform. */
  readonly inner?: Schema;
  readonly defaultValue?: unknown;
}

/** Something wrong in a value, and where in it. */
export type Issue = { readonly path: readonly string[] } & (
  | { readonly kind: 'wrong' }
  | { readonly kind: 'told'; readonly reason: string; readonly remedy: string | undefined }
  | { readonly kind: 'unknown keys'; readonly keys: readonly string[] }
  /** What is wrong with it as each of the alternatives. */
  | { readonly kind: 'none of these'; readonly alternatives: readonly (readonly Issue[])[] }
);

/** What a value was read as. `failed`: it could not be read, so `value` means nothing. Otherwise it may still have issues. */
export interface Outcome<T> {
  readonly value: T;
  readonly issues: readonly Issue[];
  readonly failed: boolean;
}

/** Takes what is wrong with a value. */
export interface Context {
  add(path: readonly string[], reason: string, remedy?: string): void;
}

/** A type. `Out` is what a value is read as, `In` what it is in the file. */
export interface Schema<Out = unknown, In = unknown> {
  readonly definition: Definition;
  readonly description: string | undefined;
  read(value: unknown): Outcome<Out>;
  /** Reads a value of our own. Throws if something is wrong with it. */
  parse(value: unknown): Out;
  /** The same with a description, which completes the sentence "give ...". */
  describe(description: string): Schema<Out, In>;
  optional(): Schema<Out | undefined, In | undefined>;
  nullable(): Schema<Out | null, In | null>;
  /** A key that the file does not have is read as this. */
  default(value: Out): Schema<Exclude<Out, undefined>, In | undefined>;
  /** A key that the file does not have is read as if the file had this. */
  prefault(value: In): Schema<Out, In | undefined>;
  /** Reads on, if nothing is wrong so far, except keys that are not known. */
  transform<T>(read: (value: Out, context: Context) => T): Schema<T, In>;
  /** Looks at what was read, also if an earlier look or a limit has found something. */
  superRefine(check: (value: Out, context: Context) => void): Schema<Out, In>;
}

/** A type whose values have a size: a length, or a number itself. */
export interface Sized<Out, In = Out> extends Schema<Out, In> {
  min(least: number): Sized<Out, In>;
  max(most: number): Sized<Out, In>;
}

export type output<S> = S extends Schema<infer Out, infer _> ? Out : never;
export type input<S> = S extends Schema<infer _, infer In> ? In : never;

export type Shape = Readonly<Record<string, Schema>>;
type Flat<T> = { [K in keyof T]: T[K] };
type Keyed<T> = Flat<
  { -readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
    -readonly [K in keyof T as undefined extends T[K] ? K : never]?: T[K];
  }
>;
/** What a table of these keys is read as, and what it is in the file. */
export type TableOf<S extends Shape> = Keyed<{ [K in keyof S]: output<S[K]> }>;
type Written<S extends Shape> = Keyed<{ [K in keyof S]: input<S[K]> }>;

/** A transform returns this after it has said to the context what is wrong. */
export const NEVER = undefined as never;

const good = <T>(value: T): Outcome<T> => ({ value, issues: [], failed: false });
const bad = (issues: readonly Issue[]): Outcome<never> => ({ value: NEVER, issues, failed: true });
const SIZE: Issue = { path: [], kind: 'wrong' };
const WRONG = bad([SIZE]);

function create<Out, In>(
  definition: Definition,
  read: (value: unknown) => Outcome<Out>,
  description?: string,
): Schema<Out, In> {
  const outer = <T, U>(readOuter: (value: unknown) => Outcome<T>, defaultValue?: unknown): Schema<T, U> =>
    create({ inner: self, defaultValue }, readOuter);
  const self: Schema<Out, In> = {
    definition,
    description,
    read,
    parse(value) {
      const { value: out, issues } = read(value);
      if (issues.length > 0) throw new TypeError(`not of its type: ${JSON.stringify(issues)}`);
      return out;
    },
    describe: (words) => create(definition, read, words),
    optional: () => outer((value) => (value === undefined ? good(undefined) : read(value))),
    nullable: () => outer((value) => (value === null ? good(null) : read(value))),
    default: (usual) =>
      outer((value) => (value === undefined ? good(usual) : read(value)) as Outcome<Exclude<Out, undefined>>, usual),
    prefault: (usual) => outer((value) => read(value === undefined ? usual : value), usual),
    transform: (readOn) =>
      outer((value) => {
        const outcome = read(value);
        if (outcome.issues.some(({ kind }) => kind !== 'unknown keys')) return bad(outcome.issues);
        const { issues, context } = collect();
        const on = readOn(outcome.value, context);
        return { value: on, issues: [...outcome.issues, ...issues], failed: issues.length > 0 };
      }),
    superRefine: (check) =>
      create(
        definition,
        (value) => {
          const outcome = read(value);
          if (outcome.failed) return outcome;
          const { issues, context } = collect();
          check(outcome.value, context);
          return { ...outcome, issues: [...outcome.issues, ...issues] };
        },
        description,
      ),
  };
  return self;
}

function collect(): { readonly issues: readonly Issue[]; readonly context: Context } {
  const issues: Issue[] = [];
  return {
    issues,
    context: { add: (path, reason, remedy) => issues.push({ path, kind: 'told', reason, remedy }) },
  };
}

function within(key: string, issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => ({ ...issue, path: [key, ...issue.path] }));
}

function sized<Out, In>(
  definition: Definition,
  read: (value: unknown) => Outcome<Out>,
  sizeOf: (value: Out) => number,
): Sized<Out, In> {
  const limited = (fits: (size: number) => boolean): Sized<Out, In> =>
    sized(
      definition,
      (value) => {
        const outcome = read(value);
        return outcome.failed || fits(sizeOf(outcome.value))
          ? outcome
          : { ...outcome, issues: [...outcome.issues, SIZE] };
      },
      sizeOf,
    );
  return {
    ...create<Out, In>(definition, read),
    min: (least) => limited((size) => size >= least),
    max: (most) => limited((size) => size <= most),
  };
}

function readIf<T>(is: (value: unknown) => value is T): (value: unknown) => Outcome<T> {
  return (value) => (is(value) ? good(value) : WRONG);
}

export function string(): Sized<string> {
  return sized(
    {},
    readIf((value) => typeof value === 'string'),
    (text) => text.length,
  );
}

/** A number with a fraction or without. */
export function number(): Schema<number, number> {
  return create(
    {},
    readIf((value): value is number => Number.isFinite(value)),
  );
}

export function int(): Sized<number> {
  return sized(
    {},
    readIf((value): value is number => Number.isSafeInteger(value)),
    (value) => value,
  );
}

export function boolean(): Schema<boolean, boolean> {
  return create(
    {},
    readIf((value) => typeof value === 'boolean'),
  );
}

/** One of these values. */
export function literal<const T extends string | number>(values: readonly T[]): Schema<T, T> {
  return create(
    {},
    readIf((value): value is T => (values as readonly unknown[]).includes(value)),
  );
}

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Whatever JSON can say. A date cannot be said. */
export function json(): Schema<Json, Json> {
  const read = (value: unknown): Outcome<Json> => {
    if (Array.isArray(value)) return array(json()).read(value);
    if (isPlain(value)) return record(json()).read(value);
    return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
      ? good(value as Json)
      : WRONG;
  };
  return create({}, read);
}

export function array<Out, In>(element: Schema<Out, In>): Sized<Out[], In[]> {
  const read = (value: unknown): Outcome<Out[]> => {
    if (!Array.isArray(value)) return WRONG;
    const all = value.map((each) => element.read(each));
    return together(
      all.map(({ value: each }) => each),
      all.map((each, at) => [String(at), each] as const),
    );
  };
  return sized({ element }, read, (list) => list.length);
}

/** Two values in a list. */
export function pair<Out, In>(element: Schema<Out, In>): Schema<[Out, Out], [In, In]> {
  const list = array(element);
  return create({ element }, (value) => {
    const outcome = list.read(value);
    return (outcome.failed || outcome.value.length === 2 ? outcome : WRONG) as Outcome<[Out, Out]>;
  });
}

/** A table whose keys are not known before. With `names`, each key must be one of them. */
export function record<Out, In>(valueType: Schema<Out, In>): Schema<Record<string, Out>, Record<string, In>>;
export function record<Out, In, const K extends string>(
  valueType: Schema<Out, In>,
  names: readonly K[],
): Schema<Partial<Record<K, Out>>, Partial<Record<K, In>>>;
export function record<Out, In>(
  valueType: Schema<Out, In>,
  names?: readonly string[],
): Schema<Record<string, Out>, Record<string, In>> {
  return create({ valueType }, (value) => {
    if (!isPlain(value)) return WRONG;
    const all = Object.entries(value).map(([key, each]) => {
      return [key, names === undefined || names.includes(key) ? valueType.read(each) : WRONG] as const;
    });
    return together(Object.fromEntries(all.map(([key, { value: each }]) => [key, each])), all);
  });
}

/** A table of these keys. Another key is an issue. A key that is read as undefined is left out. */
export function strictObject<const S extends Shape>(shape: S): Schema<TableOf<S>, Written<S>> {
  return create({ shape }, (value) => {
    if (!isPlain(value)) return WRONG;
    const all = Object.entries(shape).map(([key, type]) => [key, type.read(value[key])] as const);
    const known = all.filter(([, { value: each }]) => each !== undefined);
    const outcome = together(Object.fromEntries(known.map(([key, { value: each }]) => [key, each])) as TableOf<S>, all);
    const keys = Object.keys(value).filter((key) => !Object.hasOwn(shape, key));
    const unknown: readonly Issue[] = keys.length === 0 ? [] : [{ path: [], kind: 'unknown keys', keys }];
    return { ...outcome, issues: [...outcome.issues, ...unknown] };
  });
}

/** The first of these that can read the value. If one of them reads it with issues, and the others do not, it is that one. */
export function union<const T extends readonly Schema[]>(options: T): Schema<output<T[number]>, input<T[number]>> {
  return create({ options }, (value) => {
    const all = options.map((each) => each.read(value));
    const first = all.find(({ issues }) => issues.length === 0);
    const usable = all.filter(({ failed }) => !failed);
    const chosen = first ?? (usable.length === 1 ? usable[0] : undefined);
    const outcome = chosen ?? bad([{ path: [], kind: 'none of these', alternatives: all.map(({ issues }) => issues) }]);
    return outcome as Outcome<output<T[number]>>;
  });
}

/** A value whose parts are these. */
function together<T>(value: T, parts: readonly (readonly [string, Outcome<unknown>])[]): Outcome<T> {
  const issues = parts.flatMap(([key, each]) => within(key, each.issues));
  return { value, issues, failed: parts.some(([, { failed }]) => failed) };
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
