import { describe, expect, it } from 'vitest';
import { limits } from '../../src/config/schema.ts';
import { MTA_PATIENCE_MS, latestAnswerMs, longestDeadlineMs } from '../../src/socket/patience.ts';

describe('the latest answer', () => {
  it('reaches its client before the client gives up, with the default deadline and with the longest', () => {
    expect(latestAnswerMs(limits.parse({}).deadlineMs)).toBeLessThan(MTA_PATIENCE_MS);
    expect(latestAnswerMs(longestDeadlineMs())).toBeLessThan(MTA_PATIENCE_MS);
    expect(latestAnswerMs(longestDeadlineMs() + 1)).toBeGreaterThanOrEqual(MTA_PATIENCE_MS);
  });
});
