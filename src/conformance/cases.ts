import type { Case } from './case.ts';
import { CLIENTS } from './cases/clients.ts';
import { CLOSE } from './cases/close.ts';
import { ERROR } from './cases/error.ts';
import { FRAMING } from './cases/framing.ts';
import { LATE } from './cases/late.ts';
import { ORDER } from './cases/order.ts';
import { REPLY } from './cases/reply.ts';
import { REQUEST } from './cases/request.ts';
import { SIZE } from './cases/size.ts';

/** All cases, in the order of docs/protocol.md. */
export const CASES: readonly Case[] = [
  ...FRAMING,
  ...REQUEST,
  ...REPLY,
  ...SIZE,
  ...ORDER,
  ...CLOSE,
  ...ERROR,
  ...CLIENTS,
  ...LATE,
];

/** The group of a case: the first part of its id. */
export function groupOf({ id }: Pick<Case, 'id'>): string {
  return id.split('/', 1)[0] as string;
}
