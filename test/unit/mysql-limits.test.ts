import { describe, expect, it } from 'vitest';
import { limitsOf } from '../../src/store/driver/mysql/statement.ts';

const PACKET = ['max_allowed_packet', '16777216'] as const;

describe('the settings of a session', () => {
  it.each<[string, readonly (readonly string[])[], string]>([
    ['limit the time in seconds in MariaDB', [PACKET, ['max_statement_time', '0']], 'max_statement_time = 1.5'],
    ['limit it in milliseconds in MySQL', [PACKET, ['max_execution_time', '0']], 'max_execution_time = 1500'],
    [
      'make a Galera node wait for the changes of the others, which it does not with dirty reads',
      [PACKET, ['max_statement_time', '0'], ['wsrep_on', 'ON']],
      'max_statement_time = 1.5, wsrep_sync_wait = 1, wsrep_dirty_reads = OFF',
    ],
  ])('%s', (_, rows, settings) => {
    expect(limitsOf(rows, 1_500)).toEqual({ packetBytes: 16_777_216, settings });
  });
});
