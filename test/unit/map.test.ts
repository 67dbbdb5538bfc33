import { describe, expect, it } from 'vitest';
import { type Handler, NOTFOUND, createAnswer } from '../../src/map/map.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';

const OK: Reply = { kind: 'OK', value: 'x' };

const handlers: Record<string, Handler> = {
  ok: () => OK,
  later: () => Promise.resolve(OK),
  absent: () => NOTFOUND,
  throws: () => {
    throw new Error('postgresql://user:secret@host is gone');
  },
  rejects: () => Promise.reject(new Error('postgresql://user:secret@host is gone')),
  'throws a word': () => {
    throw 'NOTFOUND'; // oxlint-disable-line no-throw-literal -- a plugin may do this
  },
};

async function answer(map: string, names: readonly string[]): Promise<{ reply: Reply; told: string[] }> {
  const told: string[] = [];
  const maps = new Map(names.map((name) => [name, handlers[name === '*' ? 'ok' : name] as Handler]));
  const ask = createAnswer(maps, (request: Request, reply, cause) =>
    told.push(`${request.key} ${reply.kind} ${String(cause)}`),
  );
  return { reply: await ask({ map, key: 'k' }), told };
}

describe('an answer', () => {
  it.each<[string, string, string[], string, string]>([
    ['of its map', 'ok', ['ok'], 'OK', 'k OK null'],
    ['that comes later', 'later', ['later'], 'OK', 'k OK null'],
    ['that is a certain absence', 'absent', ['absent'], 'NOTFOUND', 'k NOTFOUND null'],
    ['of a map that throws', 'throws', ['throws'], 'TEMP', 'k TEMP Error: postgresql://user:secret@host is gone'],
    ['of a map that rejects', 'rejects', ['rejects'], 'TEMP', 'k TEMP Error: postgresql://user:secret@host is gone'],
    [
      'of a map that throws something else than an error',
      'throws a word',
      ['throws a word'],
      'TEMP',
      'k TEMP NOTFOUND',
    ],
    ['of an unknown map', 'nosuch', ['ok'], 'TEMP', 'k TEMP UnknownMapError: unknown map; the maps are ok'],
    ['of an unknown map, without any map', 'nosuch', [], 'TEMP', 'k TEMP UnknownMapError: unknown map; the maps are '],
    ['of the map for every other name', 'nosuch', ['*', 'absent'], 'OK', 'k OK null'],
    ['of a map with the empty name', '', ['*'], 'OK', 'k OK null'],
    ['of a named map before the map for every other name', 'absent', ['*', 'absent'], 'NOTFOUND', 'k NOTFOUND null'],
    [
      'of a name that is a property of every object',
      'constructor',
      ['ok'],
      'TEMP',
      'k TEMP UnknownMapError: unknown map; the maps are ok',
    ],
  ])('%s', async (_, map, names, kind, told) => {
    const answered = await answer(map, names);
    expect(answered.reply.kind).toBe(kind);
    expect(answered.told).toEqual([told]);
    expect(JSON.stringify(answered.reply)).not.toContain('secret');
  });

  it.each(['ok', 'later'])('is logged as it is sent (%s)', async (map) => {
    const sent: Reply = { kind: 'TEMP', reason: 'reply too long' };
    const told: Reply[] = [];
    const ask = createAnswer(new Map([[map, handlers[map] as Handler]]), (_, reply) => told.push(reply));
    expect(await ask({ map, key: 'k' }, (reply) => (reply === OK ? sent : reply))).toBe(sent);
    expect(told).toEqual([sent]);
  });
});
