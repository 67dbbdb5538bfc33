import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readControlSocket } from '../../src/config/control.ts';
import { readConfig } from '../../src/config/load.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
const bad = fileURLToPath(new URL('./bad/', import.meta.url));
const files = readdirSync(bad).flatMap((name) => (name.endsWith('.toml') ? [bad + name] : []));

it.each([null, '/nonexistent.toml', fileURLToPath(new URL('../../systemd/smmap.toml', import.meta.url)), ...files])(
  'the control socket of %s is the same whether all of it is read, or only two sections',
  async (file) => {
    const { parts } = await readConfig(file, places);
    expect(readControlSocket(file, places)).toEqual(parts?.control?.socket ?? null);
  },
);

it.each([
  [
    'beside the first listener with a path',
    '[listen.a]\ntcp = "127.0.0.1:1"\n[listen.b]\npath = "/x/s"',
    '/x/s.control',
  ],
  ['where the file says', '[control]\npath = "/x/c"\n[store.a]\ndriver = "wrong"', '/x/c'],
  ['nowhere without a path', '[listen.a]\ntcp = "127.0.0.1:1"', undefined],
  ['not certain if a listener has a mistake', '[listen.a]\npath = "x"\n[control]\npath = "/x/c"', undefined],
  ['not certain if a later listener has a mistake', '[listen.a]\npath = "/x/s"\n[listen.b]\npath = "x"', undefined],
  ['not certain without a listener', '[listen]\n[control]\npath = "/x/c"', undefined],
  ['not certain if the file is not TOML', '[control', undefined],
])('the control socket is %s', (_, text, path) => {
  const file = `${folder()}/smmap.toml`;
  writeFileSync(file, text);
  expect(readControlSocket(file, places)?.path).toBe(path);
});
