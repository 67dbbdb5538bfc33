import { expect, it } from 'vitest';
import { changesBetween } from '../../src/daemon/changes.ts';
import { parseConfig } from '../support/config.ts';

const read = (text: string) => parseConfig(text, 'test', { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' });
const people = (names: string): string => `[store.fixed]\ndriver = "memory"\nmailboxes = [${names}]\n[map.mailbox]\n`;

it.each<[string, string, string, string[]]>([
  ['nothing', people('"fred@a.org"'), `# a comment\n${people('"fred@a.org"')}`, []],
  ['nothing, even the order', '[map.a]\n[map.b]\n', '[map.b]\n[map.a]\n', []],
  [
    'listeners, and the control socket that follows the first of them',
    '[listen.a]\npath = "/run/a"\n[listen.b]\npath = "/run/b"\n[listen.d]\ntcp = "127.0.0.1:1"',
    '[listen.b]\npath = "/run/b"\nprotocol = "line"\n[listen.c]\npath = "/run/c"\n[listen.d]\ntcp = "127.0.0.1:1"',
    ['listeners: added c, changed b, removed a', 'control: changed socket'],
  ],
  [
    'a control socket',
    '',
    '[listen.a]\ntcp = "127.0.0.1:1"',
    ['listeners: added a, removed mta', 'control: removed socket'],
  ],
  ['the metrics', '', '[metrics]\ntcp = "127.0.0.1:9877"', ['metrics: added listener']],
  [
    'where the metrics are',
    '[metrics]\npath = "/run/m"',
    '[metrics]\ntcp = "127.0.0.1:9877"',
    ['metrics: changed listener'],
  ],
  [
    'the contents of a store, without saying them',
    people('"fred@a.org"'),
    people('"joe@a.org"'),
    ['stores: changed fixed'],
  ],
  [
    'stores and maps',
    '[store.a]\ndriver="memory"\nmailboxes=["x@a.org"]\n',
    '[store.b]\ndriver="memory"\nmailboxes=["x@a.org"]\n[map.x]\n',
    ['stores: added b, removed a', 'maps: added x, removed *'],
  ],
  ['the harvest watch', '', 'harvest.names = 0', ['harvest: names 100 -> 0']],
  [
    'limits and the log',
    '',
    'log.level="warn"\nlimits.deadline_ms = 3000\nlimits.idle_ms = 5',
    ['limits: deadline_ms 4000 -> 3000, idle_ms 0 -> 5', 'log: level info -> warn'],
  ],
])('a reload that changes %s says so', (_, old, next, changes) => {
  expect(changesBetween(read(old), read(next))).toEqual(changes);
});
