// A second reader of LDAP, which allows less: what smmap believes must be so for this one too.

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const [INTEGER, TEXT, ENUMERATED, SEQUENCE, SET] = [0x02, 0x04, 0x0a, 0x30, 0x31];
const [ENTRY, DONE, REFERENCE] = [0x64, 0x65, 0x73];

/** The first element, and what follows it. Null: it is not whole. */
function firstOf(bytes: Buffer): { readonly element: Element; readonly rest: Buffer } | null {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || first === 0x80) return null;
  const more = first < 0x80 ? 0 : first - 0x80;
  if (more > 4 || bytes.length < 2 + more) return null;
  const end = 2 + more + (more === 0 ? first : bytes.readUIntBE(2, more));
  return end > bytes.length
    ? null
    : { element: { tag, content: bytes.subarray(2 + more, end) }, rest: bytes.subarray(end) };
}

/** All elements in these bytes. Empty if there is anything else among them. */
function elementsOf(bytes: Buffer | undefined): readonly Element[] {
  const found: Element[] = [];
  for (let left = bytes ?? Buffer.alloc(0); left.length > 0;) {
    const next = firstOf(left);
    if (next === null) return [];
    found.push(next.element);
    left = next.rest;
  }
  return found;
}

const have = (elements: readonly Element[], ...tags: readonly number[]): boolean =>
  tags.every((tag, at) => elements[at]?.tag === tag);
const are = (elements: readonly Element[], tag: number): boolean => elements.every((each) => each.tag === tag);

/** Whether these are the messages of a search that succeeded (RFC 4511 section 4.5.2), and no message is broken before its end. */
export function endsSearch(bytes: Buffer): boolean {
  for (let left = bytes; ;) {
    const next = firstOf(left);
    if (next?.element.tag !== SEQUENCE) return false;
    left = next.rest;
    const [id, operation] = elementsOf(next.element.content);
    if (id?.tag !== INTEGER || id.content.length === 0) return false;
    const parts = elementsOf(operation?.content);
    if (operation?.tag === DONE) return have(parts, ENUMERATED, TEXT, TEXT) && isZero(parts[0] as Element);
    if (operation?.tag === REFERENCE && parts.length > 0 && are(parts, TEXT)) continue;
    if (operation?.tag !== ENTRY || parts.length !== 2 || !have(parts, TEXT, SEQUENCE)) return false;
    const attributes = elementsOf(parts[1]?.content);
    if (attributes.length === 0 && parts[1]?.content.length !== 0) return false;
    for (const attribute of attributes) {
      const fields = elementsOf(attribute.content);
      if (attribute.tag !== SEQUENCE || fields.length !== 2 || !have(fields, TEXT, SET)) return false;
      const values = elementsOf(fields[1]?.content);
      if (!are(values, TEXT) || (values.length === 0 && fields[1]?.content.length !== 0)) return false;
    }
  }
}

function isZero({ content }: Element): boolean {
  return content.length > 0 && content.every((byte) => byte === 0);
}
