import { describe, expect, it } from 'vitest';
import { toBegin, toPrepare, toRun } from '../../src/store/driver/postgresql/messages.ts';

// https://www.postgresql.org/docs/15/protocol-message-formats.html

describe('a message to PostgreSQL', () => {
  it('prepares a statement, and asks for its columns', () => {
    expect(toPrepare('n', 'sé').toString('latin1')).toBe('P\0\0\0\x0cn\0s\xc3\xa9\0\0\0D\0\0\0\x07Sn\0');
  });

  it('runs it with values, whose lengths are in bytes', () => {
    const bind = 'B\0\0\0\x18\0n\0\0\0\0\x02\0\0\0\x02\xc3\xa9\0\0\0\x01a\0\0';
    expect(toRun(toBegin('n'), ['é', 'a']).toString('latin1')).toBe(`${bind}E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04`);
  });

  it('runs it without a value, and with an empty one', () => {
    expect(toRun(toBegin('n'), []).toString('latin1')).toMatch(/^B\0\0\0\x0d\0n\0\0\0\0\0\0\0E/);
    expect(toRun(toBegin('n'), ['']).toString('latin1')).toMatch(/^B\0\0\0\x11\0n\0\0\0\0\x01\0\0\0\0\0\0E/);
  });
});
