/**
 * What OpenSMTPD 7.6 and newer says to a program that holds a table, and the program to it: smtpd-tables(7), version 0.1. Lines
 * of fields between bars; only the last field may have a bar in it.
 */
import { type Payload, readableOf, textOf } from './payload.ts';

const VERSION = '0.1';
const CONFIG = 'config|';
const PROTOCOL = `${CONFIG}protocol|`;
const NAME = `${CONFIG}tablename|`;

/** What a map can hold for smtpd. Not `source` and `relayhost`, whose next value smtpd fetches; nor `regex` and `auth`. */
const SERVICES = [
  'alias',
  'domain',
  'credentials',
  'netaddr',
  'userinfo',
  'mailaddr',
  'addrname',
  'mailaddrmap',
  'string',
];

/** What the program says when smtpd has told it everything. */
export const REGISTRATION = [...SERVICES, 'ready'].map((each) => `register|${each}\n`).join('');

/** What smtpd tells the program before the first question. */
export type Greeting =
  | { readonly tableName: string }
  | { readonly isReady: true }
  | { readonly unknownVersion: string }
  | null;

/** Null: nothing that matters to a table. */
export function parseGreeting(line: Payload): Greeting {
  if (line.startsWith(NAME)) return { tableName: readableOf(line.slice(NAME.length)) };
  if (line === `${CONFIG}ready`) return { isReady: true };
  if (!line.startsWith(PROTOCOL)) return null;
  const version = line.slice(PROTOCOL.length);
  return version === VERSION ? null : { unknownVersion: readableOf(version) };
}

/** A question of smtpd. */
export interface TableQuestion {
  readonly operation: string;
  /** Empty if the operation has none. */
  readonly service: string;
  /** smtpd ends if the result has another one. */
  readonly id: string;
  /** Null if it is not UTF-8. Empty if the operation has none. */
  readonly key: string | null;
}

const QUESTION =
  /^table\|[^|]*\|[^|]*\|(?<table>.*?)\|(?:(?<plain>update)\|(?<plainId>[0-9a-f]+)$|(?<operation>[a-z]+)\|(?<service>[a-z]+)\|(?<id>[0-9a-f]+)(?:\|(?<key>.*))?$)/s;

/** Null if the line is not a question: nobody can answer what has no id. */
export function parseQuestion(line: Payload): TableQuestion | null {
  const { plain, plainId, operation, service = '', id, key = '' } = QUESTION.exec(line)?.groups ?? {};
  if (plain !== undefined && plainId !== undefined) return { operation: plain, service, id: plainId, key: '' };
  if (operation === undefined || id === undefined) return null;
  return { operation, service, id, key: textOf(key) };
}

/** What a table says to a question. A doubt is an error, and smtpd defers. */
export type Result =
  | { readonly kind: 'found'; readonly value: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'ok' }
  | { readonly kind: 'error'; readonly reason: string };

/** The line of a result. smtpd ends as a whole if it cannot read it, so that what cannot stand in it becomes an error. */
export function formatResult({ operation, id }: Pick<TableQuestion, 'operation' | 'id'>, result: Result): string {
  return `${operation}-result|${id}|${words(operation, result)}\n`;
}

function words(operation: string, result: Result): string {
  if (result.kind === 'error') return `error|${result.reason.replaceAll(/[\r\n\0]/g, ' ')}`;
  if (result.kind !== 'found') return result.kind;
  if (operation === 'check') return 'found';
  if (result.value === '') return 'error|the map replied OK without a value';
  return /[\r\n\0]/.test(result.value) ? 'error|the value is not a line' : `found|${result.value}`;
}
