import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'vitest/node';

/** The texts of errors and the events of the log in the source, with `...` for what is only known when the program runs. */
export interface Messages {
  /** Each text, and the files that have it. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  /** The events, with their levels. */
  readonly events: ReadonlyMap<string, string>;
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

/** What the names of a file stand for: by the name, and by the function with the name. */
type Values = Map<string, Node[]>;

const GAP = '...';
const MOST_VARIANTS = 12; // of one text, by its conditions

/** Functions that take a text for a person: the number of its argument. */
const CALLS: Readonly<Record<string, number>> = {
  fail: 0,
  refuse: 0,
  warn: 0,
  say: 0,
  error: 0,
  'lines.push': 0,
  'flaws.push': 0,
  'notes.push': 0,
  tellLost: 0,
  super: 0,
  flawOf: 1,
  skip: 1,
};
/** Functions that return such a text, or null. */
const RETURNS = /^(?:flaw|lack(?:Of)?$|reason|findMisplaced|collect$|missing|put$|several)/i;
/** Keys of objects that hold such a text. */
const KEYS = /^(?:flaw|reason|leftOut|missing)$/;
/** Objects, each value of which is such a text. */
const TABLES = /^(?:remedies|REASONS)$/;
/** Types whose members stand in the log as `cause` or `why`. */
const TYPES = /^(?:Ended|Deferral)$/;
/** Methods of the logger. */
const LEVELS = /^(?:debug|info|warn|error|fatal)$/;
/** These print text that is not an error: parts of configurations, help, statements of SQL, what another server did. */
const OTHERS = /^(?:conformance\/|cli\/(?:kinds-)?help\.ts|mta\/(?!setting|sendmail|opensmtpd|procmail|zmailer))/;

/** Reads all messages of the source below a folder. */
export function readMessages(folder: string): Messages {
  const texts = new Map<string, string[]>();
  const events = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!name.endsWith('.ts') || OTHERS.test(name)) continue;
    const program = parseAst(readFileSync(join(folder, name), 'utf8'), { lang: 'ts' }) as unknown as Node;
    const found = messagesOf(program);
    for (const each of found.texts) append(texts, each, name);
    for (const [event, level] of found.events) events.set(event, level);
  }
  return { texts, events };
}

/** A text as the page of errors writes it: without a beginning that names a file or an address, and without an end that is only known later. */
export function plainText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/\.{6,}/g, GAP)
    .replaceAll('`', "'")
    .replace(/^(?:\.\.\.[\s:,;.(]*)+/, '')
    .replace(/(?:[\s:,;(]*\.\.\.[\s)]*)+$/, '')
    .replace(/^[:.] | ?:$/g, '')
    .trim();
}

function messagesOf(program: Node): { readonly texts: ReadonlySet<string>; readonly events: Messages['events'] } {
  const texts = new Set<string>();
  const events = new Map<string, string>();
  const values: Values = new Map();
  visit(program, null, (node, within) => {
    if (node.type !== 'VariableDeclarator' || !isNode(node['id']) || !isNode(node['init'])) return;
    const name = nameOf(node['id']);
    for (const key of [name, `${within} ${name}`]) append(values, key, node['init']);
  });
  visit(program, null, (node, within) => {
    const name = nameOf(node['callee'] ?? node['key'] ?? node['id']);
    const args = (node['arguments'] ?? []) as readonly unknown[];
    const addText = (text: string): void => void (/[a-z]{2,} \S/i.test(plainText(text)) && texts.add(plainText(text)));
    const add = (part: unknown): void => textsOf(part, values, within, 0).forEach(addText);
    const of = nameOf((node['callee'] as Node | undefined)?.['object']);
    const argument = CALLS[name] ?? CALLS[`${of}.${name}`];
    if (node.type === 'CallExpression' && of === 'logger' && LEVELS.test(name)) {
      const [event] = args as readonly Node[];
      const [object] = event?.type === 'Identifier' ? (values.get(`${within} ${nameOf(event)}`) ?? []) : [event];
      const [first] = (event?.type === 'CallExpression' ? event['arguments'] : []) as readonly Node[];
      if (first?.type === 'Literal') events.set(nameOf(first), name); // lineOf('accepted', ...)
      const property = ((object?.['properties'] ?? []) as readonly Node[]).find(
        (each) => nameOf(each['key']) === 'event',
      );
      if (property !== undefined) events.set(nameOf(property['value']), name);
    }
    if (node.type === 'NewExpression' && name.endsWith('Error')) args.slice(0, 2).forEach(add);
    else if (node.type === 'CallExpression' && argument !== undefined) add(args[argument]);
    else if (node.type === 'CallExpression' && name === 'write') {
      for (const each of args.flatMap((arg) => textsOf(arg, values, within, 0))) {
        const [, text] = /^smmap: (?:note: )?(.*)\n$/s.exec(each) ?? [];
        if (text !== undefined) addText(text);
      }
    } else if (node.type === 'Property' && KEYS.test(name)) add(node['value']);
    else if (node.type === 'VariableDeclarator' && TABLES.test(name) && isNode(node['init'])) {
      for (const each of (node['init']['properties'] ?? []) as readonly Node[]) add(each['value']);
    } else if (node.type === 'TSTypeAliasDeclaration' && TYPES.test(name)) {
      visit(node, null, (part) => part.type === 'Literal' && texts.add(String(part['value'])));
    } else if (node.type === 'ReturnStatement' && within !== null && RETURNS.test(within)) add(node['argument']);
  });
  return { texts, events };
}

/** The variants of a text, by its conditions. What is not known stands as a gap. */
function textsOf(node: unknown, values: Values, within: string | null, depth: number): readonly string[] {
  if (!isNode(node) || depth > 8) return [GAP];
  const inner = (each: unknown): readonly string[] => textsOf(each, values, within, depth + 1);
  switch (node.type) {
    case 'Literal':
      return [typeof node['value'] === 'string' ? node['value'] : GAP];
    case 'TemplateLiteral': {
      const parts = (node['quasis'] as readonly Node[]).map((each) => (each['value'] as { cooked: string }).cooked);
      const gaps = node['expressions'] as readonly unknown[];
      return gaps.reduce<readonly string[]>(
        (found, gap, at) =>
          combined(
            found,
            inner(gap).map((each) => `${each}${parts[at + 1] ?? ''}`),
          ),
        [parts[0] ?? ''],
      );
    }
    case 'TaggedTemplateExpression':
      return nameOf(node['tag']) === 'saying' ? inner(node['quasi']) : [GAP];
    case 'BinaryExpression':
      return node['operator'] === '+' ? combined(inner(node['left']), inner(node['right'])) : [GAP];
    case 'ConditionalExpression':
      return [...inner(node['consequent']), ...inner(node['alternate'])];
    case 'LogicalExpression':
      return [...inner(node['left']), ...inner(node['right'])];
    case 'CallExpression':
      return nameOf(node['callee']) === 'plain' ? inner(((node['arguments'] ?? []) as readonly unknown[])[0]) : [GAP];
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
      return inner(node['expression']);
    case 'ArrayExpression':
      return inner(((node['elements'] ?? []) as readonly unknown[])[0]); // a text and its remedy
    case 'Identifier': {
      const known = values.get(`${within} ${nameOf(node)}`) ?? values.get(nameOf(node)) ?? [];
      const isText = /^[A-Z_]+$|^(?:reason|text|flaw|remedy|advice|then|said|noun|what)$/.test(nameOf(node));
      return isText && known.length > 0 ? known.flatMap(inner) : [GAP];
    }
    default:
      return [GAP];
  }
}

function combined(left: readonly string[], right: readonly string[]): readonly string[] {
  return left.flatMap((one) => right.map((other) => one + other)).slice(0, MOST_VARIANTS);
}

/** Calls `see` for each node, with the name of the function that it stands in. */
function visit(node: unknown, within: string | null, see: (node: Node, within: string | null) => void): void {
  if (Array.isArray(node)) {
    for (const each of node) visit(each, within, see);
    return;
  }
  if (!isNode(node)) return;
  see(node, within);
  const isFunction = /Function/.test(node.type);
  const own = nameOf(node['id'] ?? node['key']);
  const names = isFunction || node.type === 'VariableDeclarator' || node.type === 'Property' ? own : '';
  for (const each of Object.values(node)) visit(each, names === '' ? within : names, see);
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'MemberExpression') return nameOf(node['property']);
  if (node.type === 'Super') return 'super';
  const name = node['name'] ?? node['value'];
  return typeof name === 'string' ? name : '';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}
