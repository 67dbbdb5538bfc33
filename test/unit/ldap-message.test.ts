import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../src/store/driver/ldap/message.ts';

/** An element of BER: a tag, a length and what it has. */
const element = (tag: number, ...parts: readonly (Buffer | string | number)[]): Buffer => {
  const content = Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))),
  );
  return Buffer.concat([Buffer.of(tag, content.length), content]);
};
const message = (...parts: readonly Buffer[]): Buffer => element(0x30, element(0x02, 7), ...parts);
const ENUMERATED = 0x0a;
const text = (value: string): Buffer => element(0x04, value);
const MAIL = element(0x30, text('mail'), element(0x31, text('a@b')));

describe('a message of a directory', () => {
  it.each<[string, Buffer, unknown]>([
    [
      'the end of a search',
      message(element(0x65, element(ENUMERATED, 0), text(''), text('ok'))),
      { id: 7, kind: 'search', code: 0, text: 'ok' },
    ],
    [
      'the end of a search with a control',
      message(element(0x65, element(ENUMERATED, 0), text(''), text('')), element(0xa0, element(0x30, text('1.2')))),
      { id: 7, kind: 'search', code: 0, text: '' },
    ],
    ['a reference', message(element(0x73, text('ldap://b'))), { id: 7, kind: 'reference', urls: ['ldap://b'] }],
    [
      'an entry',
      message(element(0x64, text('cn=a'), element(0x30, MAIL))),
      {
        id: 7,
        kind: 'entry',
        entry: { dn: 'cn=a', attributes: new Map([['mail', [Buffer.from('a@b')]]]), cut: false },
      },
    ],
  ])('is %s', (_, bytes, read) => {
    expect(decodeMessage(bytes)).toEqual(read);
  });

  it.each<[string, Buffer]>([
    [
      'a result code without a byte, which would be success',
      message(element(0x65, element(ENUMERATED), text(''), text(''))),
    ],
    ['a result whose texts stand behind it', message(element(0x65, element(ENUMERATED, 0)), text(''), text(''))],
    ['a reference to nowhere', message(element(0x73))],
    ['a reference whose URLs stand behind it', message(element(0x73), text('ldap://b'))],
    [
      'an entry with more than its attributes',
      message(element(0x64, text('cn=a'), element(0x30), element(0x30, MAIL))),
    ],
    [
      'an attribute with more than its values',
      message(element(0x64, text('cn=a'), element(0x30, element(0x30, text('mail'), element(0x31), MAIL)))),
    ],
    [
      'a value with a length below zero, at which a reader would stand still',
      message(
        element(
          0x64,
          text('cn=a'),
          element(0x30, element(0x30, text('mail'), element(0x31, Buffer.from('0484fffffffa', 'hex')))),
        ),
      ),
    ],
    ['a length that is over its end', Buffer.from('300c02010765080a0100040004000000', 'hex')],
    ['sequences that hold each other', Buffer.concat([...Array(60)].map((_, at) => Buffer.of(0x30, 2 * (59 - at))))],
  ])('is not %s', (_, bytes) => {
    expect(() => decodeMessage(bytes)).toThrow('a message is cut');
  });
});
