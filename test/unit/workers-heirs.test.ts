import { expect, it, onTestFinished, vi } from 'vitest';
import { createSuccession } from '../../src/daemon/successor.ts';
import { createHeirs } from '../../src/daemon/workers/heirs.ts';
import type { Reply } from '../../src/vocabulary.ts';

it('a worker goes on if the process that listens does not say who took a path', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  onTestFinished(() => void process.off('unhandledRejection', unhandled));
  const { heirs } = createHeirs(() => Promise.reject(new Error('no answer within 4000 ms')));
  const reply: Reply = { kind: 'NOTFOUND' };
  const succession = createSuccession({
    answer: () => reply,
    config: () => ({ limits: {} as never, control: null }),
    listeners: heirs,
    older: () => ({ pid: 1, clients: 0 }),
    isInShadow: () => false,
    failed: () => {},
  });
  expect(succession.isReplaced).toBe(true); // for all that it knows
  await new Promise((resolve) => setTimeout(resolve, 5)); // the next question is asked anew
  await expect(succession.answer({ map: 'm', key: 'k' }, (each) => each)).rejects.toThrow('no answer');
  expect(unhandled).not.toHaveBeenCalled();
});
