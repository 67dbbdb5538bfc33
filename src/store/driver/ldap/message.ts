import { BerReader, BerWriter } from 'ldapts';
import type { Question } from '../../../vocabulary.ts';
import { valueOf } from '../../asked.ts';
import { QuestionError } from '../../store.ts';
import { checkElements } from './elements.ts';
import type { Filter, Text } from './filter.ts';

/**
 * The messages of LDAP (RFC 4511) that a search needs. We use only the BER code of ldapts. Its client hides that a size
 * limit was exceeded, connects again without a bind, takes a result without a code for success, and believes data that
 * came before TLS.
 */

/** The scope of a search: the base and all below it, only one level below it, or only the base. */
export type Scope = 'sub' | 'one' | 'base';

/** A search for one question. */
export interface SearchRequest {
  readonly base: string;
  readonly scope: Scope;
  readonly filter: Filter;
  readonly question: Question;
  /** Empty: the search only tells whether there is an entry. */
  readonly attributes: readonly string[];
  readonly sizeLimit: number;
  readonly timeLimitSeconds: number;
  /** Whether the server must not name other servers: its own domain is all there is. */
  readonly domainScope: boolean;
}

/** An entry that a search found. */
export interface LdapEntry {
  readonly dn: string;
  /** Values by attribute, in lower case and without options: `mail` also has the values of `mail;binary`. */
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>;
  /** Whether the server left out values of an attribute, as Active Directory does beyond 1,500 (`;range=0-1499`). */
  readonly cut: boolean;
}

/** A message from a server. */
export type LdapMessage = { readonly id: number } & (
  | { readonly kind: 'entry'; readonly entry: LdapEntry }
  | { readonly kind: 'reference'; readonly urls: readonly string[] }
  | { readonly kind: 'bind' | 'search' | 'extended'; readonly code: number; readonly text: string }
);

/** Makes the bytes of a request with a message number. */
export type Encode = (id: number) => Buffer;

const START_TLS = '1.3.6.1.4.1.1466.20037';
const DOMAIN_SCOPE = '1.2.840.113556.1.4.1339'; // LDAP_SERVER_DOMAIN_SCOPE_OID of [MS-ADTS]; slapd has it too
const TAGS = { 0x61: 'bind', 0x65: 'search', 0x78: 'extended' } as const;
const SET = 0x31;

/** A bind with a name and a password. */
export function encodeBind(dn: string, password: string): Encode {
  return message(0x60, [], (writer) => {
    writer.writeInt(3); // the version
    writer.writeString(dn);
    writer.writeString(password, 0x80);
  });
}

/**
 * A bind without a name: the server takes it from our certificate, or from our user on its machine (RFC 4422 appendix
 * A).
 */
export function encodeBindExternal(): Encode {
  return message(0x60, [], (writer) => {
    writer.writeInt(3);
    writer.writeString('');
    writer.startSequence(0xa3);
    writer.writeString('EXTERNAL');
    writer.writeString(''); // no other name; without this field the server would ask for one
    writer.endSequence();
  });
}

/** The request to start TLS on this connection. */
export function encodeStartTls(): Encode {
  return message(0x77, [], (writer) => writer.writeString(START_TLS, 0x80));
}

/** Throws QuestionError if the question does not fit into the filter. */
export function encodeSearch(request: SearchRequest): Encode {
  const controls = request.domainScope ? [DOMAIN_SCOPE] : [];
  return message(0x63, controls, (writer) => {
    writer.writeString(request.base);
    writer.writeEnumeration({ base: 0, one: 1, sub: 2 }[request.scope]);
    writer.writeEnumeration(0); // do not follow aliases of the directory
    writer.writeInt(request.sizeLimit);
    writer.writeInt(request.timeLimitSeconds);
    writer.writeBoolean(false); // send the values too
    writeFilter(writer, request.filter, request.question);
    writer.startSequence();
    const { attributes } = request;
    for (const attribute of attributes.length === 0 ? ['1.1'] : attributes) writer.writeString(attribute); // 1.1: none
    writer.endSequence();
  });
}

/** A message with controls that the server must know. */
function message(tag: number, controls: readonly string[], write: (writer: BerWriter) => void): Encode {
  return (id) => {
    const writer = new BerWriter();
    writer.startSequence();
    writer.writeInt(id);
    writer.startSequence(tag);
    write(writer);
    writer.endSequence();
    if (controls.length > 0) writer.startSequence(0xa0);
    for (const control of controls) {
      writer.startSequence();
      writer.writeString(control);
      writer.writeBoolean(true);
      writer.endSequence();
    }
    if (controls.length > 0) writer.endSequence();
    writer.endSequence();
    return writer.buffer;
  };
}

const COMPARISONS = { equal: 0xa3, greater: 0xa5, less: 0xa6, approximate: 0xa8 } as const;

function writeFilter(writer: BerWriter, filter: Filter, question: Question): void {
  const textOf = (text: Text): string =>
    text.map((part) => (typeof part === 'string' ? part : valueOf(question, part.parameter))).join('');
  if (filter.kind === 'present') return writer.writeString(filter.attribute, 0x87);
  switch (filter.kind) {
    case 'and':
    case 'or':
      writer.startSequence(filter.kind === 'and' ? 0xa0 : 0xa1);
      for (const each of filter.filters) writeFilter(writer, each, question);
      break;
    case 'not':
      writer.startSequence(0xa2);
      writeFilter(writer, filter.filter, question);
      break;
    case 'substrings': {
      writer.startSequence(0xa4);
      writer.writeString(filter.attribute);
      writer.startSequence();
      const last = filter.pieces.length - 1;
      filter.pieces.forEach((piece, at) => {
        if (piece.length === 0) return;
        const text = textOf(piece);
        if (text === '') throw new QuestionError('a parameter of the filter is empty, and would match everything');
        writer.writeString(text, at === 0 ? 0x80 : at === last ? 0x82 : 0x81);
      });
      writer.endSequence();
      break;
    }
    case 'extensible':
      writer.startSequence(0xa9);
      if (filter.rule !== null) writer.writeString(filter.rule, 0x81);
      if (filter.attribute !== null) writer.writeString(filter.attribute, 0x82);
      writer.writeString(textOf(filter.value), 0x83);
      if (filter.dn) writer.writeBoolean(true, 0x84);
      break;
    case 'equal':
    case 'greater':
    case 'less':
    case 'approximate':
      writer.startSequence(COMPARISONS[filter.kind]);
      writer.writeString(filter.attribute);
      writer.writeString(textOf(filter.value));
  }
  writer.endSequence();
}

/** Reads one message. Throws if the bytes are not a complete message and nothing else. */
export function decodeMessage(bytes: Buffer): LdapMessage {
  checkElements(bytes);
  const reader = new BerReader(bytes);
  present(reader.readSequence(0x30));
  const id = present(reader.readInt());
  const tag = present(reader.readSequence());
  const end = reader.offset + reader.length;
  const read = readOperation(reader, id, tag, end);
  if (reader.offset > end) throw new Error(CUT);
  return read;
}

function readOperation(reader: BerReader, id: number, tag: number, end: number): LdapMessage {
  if (tag === 0x73) return { id, kind: 'reference', urls: readUrls(reader, end) };
  if (tag === 0x64) return { id, kind: 'entry', entry: readEntry(reader, end) };
  if (!(tag in TAGS)) throw new Error(`a message has the unknown type 0x${tag.toString(16)}`);
  const code = present(reader.readEnumeration());
  present(reader.readString()); // the part of the DN that the server found
  return { id, kind: TAGS[tag as keyof typeof TAGS], code, text: present(reader.readString()) };
}

/** The URLs of one part of the directory. Each of them leads to the same part. */
function readUrls(reader: BerReader, end: number): readonly string[] {
  const urls: string[] = [];
  while (reader.offset < end) urls.push(present(reader.readString()));
  if (urls.length === 0) throw new Error(CUT); // a part that is nowhere would raise no doubt
  return urls;
}

function readEntry(reader: BerReader, end: number): LdapEntry {
  const dn = present(reader.readString());
  const attributes = new Map<string, readonly Buffer[]>();
  let cut = false;
  enter(reader, 0x30, end);
  while (reader.offset < end) {
    present(reader.readSequence(0x30));
    const last = reader.offset + reader.length;
    const [name = '', ...options] = present(reader.readString()).toLowerCase().split(';');
    cut ||= options.some((option) => option.startsWith('range='));
    enter(reader, SET, last);
    const values = [...(attributes.get(name) ?? [])];
    while (reader.offset < last) values.push(present(reader.readString(0x04, true)));
    attributes.set(name, values);
  }
  return { dn, attributes, cut };
}

/** Begins to read the last part of what ends there. */
function enter(reader: BerReader, tag: number, end: number): void {
  present(reader.readSequence(tag));
  if (reader.offset + reader.length !== end) throw new Error(CUT);
}

const CUT = 'a message is cut';

function present<T>(value: T | null): T {
  if (value === null) throw new Error(CUT);
  return value;
}
