// An LDAP server in this process. What it answers to a search is up to a function, lies included.

import { createServer, type Server, type Socket } from 'node:net';
import { BerReader, BerWriter } from 'ldapts';

/** A filter as it arrives: an equality, the beginning of a value, or others together. */
export type Asked =
  | { readonly kind: 'equal' | 'begins'; readonly attribute: string; readonly value: string }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Asked[] };

export interface Search {
  readonly base: string;
  readonly filter: Asked;
  /** The account that bound, or "". */
  readonly account: string;
  /** Which connection asks: 0 is the first. */
  readonly connection: number;
}

export interface Found {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The entries, or a result code that is not success. */
export type Reply = readonly Found[] | number;

export interface Gateway {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it. Each bind succeeds. */
export async function startGateway(answer: (search: Search) => Reply): Promise<Gateway> {
  let connections = 0;
  const server = createServer((socket) => {
    const connection = connections++;
    serve(socket, (search) => answer({ ...search, connection }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `ldap://127.0.0.1:${(server.address() as { port: number }).port}`, stop: () => stop(server) };
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function serve(socket: Socket, answer: (search: Omit<Search, 'connection'>) => Reply): void {
  let account = '';
  let bytes = Buffer.alloc(0);
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      // Every request of these tests is shorter than 128 bytes or has a length of one or two bytes.
      for (;;) {
        const length = lengthOf(bytes);
        if (length === null || bytes.length < length) return;
        const reader = new BerReader(bytes.subarray(0, length));
        bytes = bytes.subarray(length);
        reader.readSequence();
        const id = reader.readInt() as number;
        const tag = reader.readSequence();
        if (tag === 0x60) {
          reader.readInt();
          account = reader.readString() ?? '';
          socket.write(result(id, 0x61, 0));
        } else if (tag === 0x63) {
          const base = reader.readString() ?? '';
          for (let field = 0; field < 2; field++) reader.readEnumeration();
          for (let field = 0; field < 2; field++) reader.readInt();
          reader.readBoolean();
          const reply = answer({ base, filter: readFilter(reader), account });
          const entries = typeof reply === 'number' ? [] : reply.map((entry) => encodeEntry(id, entry));
          socket.write(Buffer.concat([...entries, result(id, 0x65, typeof reply === 'number' ? reply : 0)]));
        } else {
          socket.end();
        }
      }
    });
}

function lengthOf(bytes: Buffer): number | null {
  const first = bytes[1];
  if (first === undefined) return null;
  if (first < 0x80) return 2 + first;
  const size = first & 0x7f;
  return bytes.length < 2 + size ? null : 2 + size + bytes.readUIntBE(2, size);
}

function readFilter(reader: BerReader): Asked {
  const tag = reader.readSequence();
  const end = reader.offset + reader.length;
  if (tag === 0xa0 || tag === 0xa1) {
    const filters: Asked[] = [];
    while (reader.offset < end) filters.push(readFilter(reader));
    return { kind: tag === 0xa0 ? 'and' : 'or', filters };
  }
  const attribute = reader.readString() ?? '';
  if (tag === 0xa3) return { kind: 'equal', attribute, value: reader.readString() ?? '' };
  if (tag !== 0xa4) throw new Error(`the filter has the type ${tag}`);
  reader.readSequence();
  return { kind: 'begins', attribute, value: reader.readString(0x80) ?? '' };
}

function result(id: number, tag: number, code: number): Buffer {
  return message(id, tag, (writer) => {
    writer.writeEnumeration(code);
    writer.writeString('');
    writer.writeString('');
  });
}

function encodeEntry(id: number, { dn, attributes }: Found): Buffer {
  return message(id, 0x64, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, value] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      writer.writeString(value);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

function message(id: number, tag: number, write: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(tag);
  write(writer);
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}
