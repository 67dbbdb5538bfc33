import { describe, expect, it } from 'vitest';
import { createAnswer } from '../../src/map/map.ts';
import { type Log, NO_MAP, createLog } from '../../src/observe/log.ts';
import { unfailing } from '../../src/observe/unfailing.ts';
import type { Reply } from '../../src/vocabulary.ts';

/** A log that cannot show any key or cause, perhaps not even what ended it; and what it told. */
function broken(isMute: boolean): { log: Log; told: string[] } {
  const told: string[] = [];
  const fail = (): never => {
    throw new TypeError('the log is broken');
  };
  const cause = (thrown: unknown): string => (!isMute && thrown instanceof TypeError ? thrown.message : fail());
  const nothing = (): void => {};
  const fatal = (_: object, text: string): void => void told.push(text);
  const logger = { isLevelEnabled: () => true, debug: nothing, info: nothing, warn: nothing, error: nothing, fatal };
  return { log: createLog(logger, { add: '', ask: '' }, { keys: { key: fail, cause, error: cause } }), told };
}

describe('a log that is broken', () => {
  it.each<[string, (log: Log) => void]>([
    [
      'a reply',
      (log) => log.answered({ map: 'm', key: 'k' }, { kind: 'NOTFOUND' }, null, { ...NO_MAP, refuses: true }),
    ],
    ['a deadline', (log) => log.deadlinePassed({ map: 'm', key: 'k' }, 1, NO_MAP)],
    ['a store', (log) => log.storeUnavailable('s', null, new Error('down'))],
  ])('costs %s a line, and says so once', (_, tell) => {
    const { log, told } = broken(false);
    expect(() => tell(log)).toThrow('the log is broken');
    const guarded = unfailing(log);
    for (let at = 0; at < 100; at++) tell(guarded);
    expect(told).toEqual(['a bug in smmap, please report it: the log is broken']);
  });

  it('may be mute', () => {
    expect(() => unfailing(broken(true).log).storeUnavailable('s', null, new Error('down'))).not.toThrow();
  });

  it.each<Reply>([{ kind: 'OK', value: 'x' }, { kind: 'NOTFOUND' }])('changes no reply: %j', async (reply) => {
    const log = unfailing(broken(true).log);
    const answer = createAnswer(new Map([['m', () => reply]]), (request, said, cause) =>
      log.answered(request, said, cause, { ...NO_MAP, refuses: true }),
    );
    expect(await answer({ map: 'm', key: 'k' })).toEqual(reply);
  });
});
