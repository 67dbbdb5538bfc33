import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config.ts';
import { openMaps } from '../../src/daemon/maps.ts';
import { DOMAIN } from '../../src/example.ts';
import type { Kind } from '../../src/map/kind.ts';
import { kindOf, kinds, optionsOf, questionsOf, stepOptionsOf, wishesOf } from '../../src/map/kinds.ts';
import { mailbox } from '../../src/map/mailbox.ts';
import { NOTFOUND } from '../../src/map/map.ts';
import { andThen } from '../../src/maybe.ts';
import { UNTOLD } from '../../src/store/open.ts';
import { locateKeys } from '../../src/toml/lines.ts';
import { section, text } from '../../src/toml/type.ts';
import { openStore, parseConfig } from '../support/config.ts';

/** A kind of map, as its file in src/map/ would have it: it repeats a hosted domain. */
const echo: Kind<{ readonly textBefore: string }> = {
  keys: (name) => section({ text_before: text('what comes before the domain').default(name) }),
  questions: () => [DOMAIN],
  create({ textBefore }) {
    return (key, store) => {
      if (key === null) return NOTFOUND;
      return andThen(store.lookup({ about: 'domain', domain: key }), (found) =>
        found === null ? NOTFOUND : { kind: 'OK', value: `${textBefore} ${key}` },
      );
    };
  },
};
Object.assign(kinds, { echo }); // its line in src/map/kinds.ts

const STORE = '[store.a]\ndriver = "memory"\nmailboxes = ["fred@example.org"]\n';
const parse = (maps: string) => parseConfig(STORE + maps, 'f', { socket: '/s', store: '/x' });

describe('a kind of map that is added by one line', () => {
  it('has its own keys, and those of every map', () => {
    const { maps } = parse('[map.e]\nkind = "echo"\ntext_before = "hosted:"\n[map.f]\nkind = "echo"\nstores = ["a"]');
    expect(maps.get('e')).toEqual({ kind: 'echo', stores: ['a'], options: { textBefore: 'hosted:' } });
    expect(maps.get('f')).toEqual({ kind: 'echo', stores: ['a'], options: { textBefore: 'f' } });
  });

  it('is answered from its stores', async () => {
    const config = parse('[map.e]\nkind = "echo"\ntext_before = "hosted:"');
    const maps = await openMaps(config, (_, store) => openStore(store, UNTOLD));
    const ask = maps.handlers.get('e');
    expect(await ask?.('example.org')).toEqual({ kind: 'OK', value: 'hosted: example.org' });
    expect(await ask?.('example.com')).toEqual({ kind: 'NOTFOUND' });
    await maps.close();
  });

  it('is named in the mistakes of a configuration', () => {
    const wrong = '[map.e]\nkind = "echo"\ntext_befor = ""\ntext_before = ""\nstores = ["b"]\n[map.f]\nkind = "ech"';
    expect(() => parse(wrong)).toThrow(
      new ConfigError(
        'f',
        [
          { key: 'map.e.stores.0', reason: 'there is no store "b"', remedy: 'give one of a' },
          { key: 'map.e.text_before', reason: 'is ""', remedy: 'give what comes before the domain' },
          { key: 'map.e.text_befor', reason: 'is not known', remedy: 'did you mean text_before?' },
          { key: 'map.f.kind', reason: 'is "ech"', remedy: 'give one of mailbox, alias, domain, table, echo' },
        ],
        locateKeys(STORE + wrong),
      ),
    );
  });

  it('needs only what it declares', () => {
    const map = { kind: 'echo', options: { textBefore: '' } };
    expect(kindOf(map)).toBe(echo);
    expect(questionsOf(map)).toEqual([DOMAIN]);
    expect(wishesOf(map)).toEqual([]);
    expect(stepOptionsOf(map)).toBeNull();
    expect(optionsOf(map, echo)).toEqual({ textBefore: '' });
    expect(optionsOf(map, mailbox)).toBeNull();
  });
});
