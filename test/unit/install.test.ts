import { expect, it } from 'vitest';
import { npmCommand } from '../../src/store/install.ts';

it.each([
  ['/usr/local/lib/node_modules/smmap/dist/store/install.js', 'npm install --global --prefix /usr/local pg'],
  ['/usr/lib/node_modules/smmap/dist/store/install.js', 'npm install --global --prefix /usr pg'],
  ['/lib/node_modules/smmap/dist/store/install.js', 'npm install --global --prefix / pg'],
  [
    '/root/.nvm/versions/v20/lib/node_modules/smmap/dist/store/install.js',
    'npm install --global --prefix /root/.nvm/versions/v20 pg',
  ],
  ['/srv/dist/a/node_modules/smmap/dist/chunks/stores.js', 'npm install --prefix /srv/dist/a pg'],
  ['/home/fred/smmap/dist/chunks/stores-B1a_.js', 'npm install --prefix /home/fred/smmap pg'],
  ['/home/fred/smmap/src/store/install.ts', 'npm install --prefix /home/fred/smmap pg'],
])('for an smmap at %s the remedy is %s', (own, command) => {
  expect(npmCommand('install', 'pg', own)).toBe(command);
});
