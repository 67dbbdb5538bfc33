import { describe, expect, it } from 'vitest';
import { factsOf } from '../../src/daemon/maps.ts';
import { mapsInShadow, replyWithoutAnswer, toldShadows } from '../../src/daemon/shadows.ts';
import { NOTFOUND, createAnswer } from '../../src/map/map.ts';
import type { Log } from '../../src/observe/log.ts';
import type { Reply } from '../../src/vocabulary.ts';
import { parseConfig } from '../support/config.ts';

const CONFIG = `
[store.s]
driver = "memory"
mailboxes = ["fred@example.org"]
[map.tried]
shadow = "accept"
[map.compared]
shadow = "plain"
[map.plain]
[map."*"]
shadow = "accept"
`;
const config = parseConfig(CONFIG, 'test', { socket: '/nowhere/s', store: '/nowhere' });
const facts = factsOf(config);
const OK: Reply = { kind: 'OK', value: 'joe@example.org' };
const asIs = (reply: Reply): Reply => reply;

/** A log that says which of its functions were called. */
function listen(throwing = ''): { readonly log: Log; readonly told: string[] } {
  const told: string[] = [];
  const get = (_: object, name: string) => () => {
    told.push(name);
    if (name === throwing) throw new Error('the log is broken');
  };
  return { log: new Proxy({}, { get }) as Log, told };
}

describe('a request without an answer', () => {
  it.each<[string, string, 'deadline passed' | 'too many connections', boolean, Reply | null, string]>([
    ['is accepted at the deadline', 'tried', 'deadline passed', false, OK, 'acceptedHere'],
    ['is accepted beyond the soft limit', 'tried', 'too many connections', false, OK, 'acceptedHere'],
    ['is accepted by the map for every other name', 'any', 'deadline passed', false, OK, 'acceptedHere'],
    ['is TEMP once another daemon took over', 'tried', 'deadline passed', true, null, 'deadlinePassed'],
    ['is TEMP if another map replies', 'compared', 'deadline passed', false, null, 'deadlinePassed'],
    ['is TEMP if the map is not in shadow', 'plain', 'too many connections', false, null, 'refusedHere'],
  ])('%s', (_, map, why, isReplaced, reply, event) => {
    const { log, told } = listen();
    const request = { map, key: 'joe@example.org' };
    expect(replyWithoutAnswer(why, request, asIs, { config, facts, isReplaced }, log)).toEqual(reply);
    expect(told).toEqual([event]);
  });
});

describe('maps in shadow', () => {
  const handlers = new Map([...config.maps.keys()].map((name) => [name, () => NOTFOUND]));

  it('are those with the key', () => {
    expect(mapsInShadow(config)).toEqual(['tried', 'compared', '*']);
  });

  it.each([
    ['tried', 'OK'],
    ['compared', 'NOTFOUND'],
    ['plain', 'NOTFOUND'],
  ])('reply also if the log is broken (%s)', async (map, kind) => {
    const { log, told } = listen('shadowed');
    const answer = createAnswer(handlers, () => {}, toldShadows(config, handlers, log, facts));
    expect((await answer({ map, key: 'joe@example.org' })).kind).toBe(kind);
    expect(told).toEqual(map === 'plain' ? [] : ['shadowed', 'failed']);
  });
});
