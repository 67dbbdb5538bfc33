/** Where something stands in JSON. */
export interface JsonPath {
  /** As it is written. */
  readonly text: string;
  readonly steps: readonly Step[];
}

interface Step {
  /** The name of a field. null: the content itself. */
  readonly name: string | null;
  /** Whether to go on with each item of the array there. */
  readonly isEach: boolean;
}

const PATH = /^(?:\.|(?:\[\]|[^.[\]]+(?:\[\])?)(?:\.[^.[\]]+(?:\[\])?)*)$/;

/**
 * Reads a path: names with dots between them, such as `data.emails`. `value[].mail` is the field `mail` of each item of
 * the array `value`, `[]` is each item of the content, and `.` is the content. Throws if it is none.
 */
export function parsePath(raw: string): JsonPath {
  if (!PATH.test(raw)) throw new Error(`"${raw}" is not a path in JSON`);
  if (raw === '.') return { text: raw, steps: [] };
  const steps = raw.split('.').map((each): Step => {
    const isEach = each.endsWith('[]');
    const name = isEach ? each.slice(0, -2) : each;
    return { name: name === '' ? null : name, isEach };
  });
  return { text: raw, steps };
}

/** What stands at a path: nothing, one thing, or several if the path has `[]`. */
export function standingAt(content: unknown, { steps }: JsonPath): readonly unknown[] {
  return steps.reduce<readonly unknown[]>(
    (found, { name, isEach }) =>
      found.flatMap((each): readonly unknown[] => {
        if (name !== null && !(isObject(each) && Object.hasOwn(each, name))) return [];
        const inner = name === null ? each : (each as Readonly<Record<string, unknown>>)[name];
        if (!isEach) return [inner];
        return Array.isArray(inner) ? (inner as readonly unknown[]) : [];
      }),
    content === undefined ? [] : [content],
  );
}

/** The same. An array at the end stands for its items. */
export function valuesAt(content: unknown, path: JsonPath): readonly unknown[] {
  return standingAt(content, path).flatMap((each) => (Array.isArray(each) ? (each as readonly unknown[]) : [each]));
}

/** Whether a content of JSON is an object. */
export function isObject(content: unknown): content is Readonly<Record<string, unknown>> {
  return typeof content === 'object' && content !== null && !Array.isArray(content);
}
