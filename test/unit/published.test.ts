import { expect, it } from 'vitest';
import { billOf } from '../../packaging/bill.ts';
import { published } from '../../packaging/manifest.ts';

const manifest = {
  name: 'smmap',
  bin: { smmap: 'dist/main.js' },
  scripts: { prepare: 'npm run build' },
  dependencies: { pino: '^10.0.0' },
  devDependencies: { vitest: '^4.0.0' },
  overrides: { deep: '1.0.0' },
};
const packages = {
  '': {},
  'node_modules/pino': { version: '10.4.0', dependencies: { deep: '^1.0.0' } },
  'node_modules/@pinojs/deep': { version: '1.0.0' },
  'node_modules/pg': { version: '8.1.0', optional: true },
  'node_modules/pg-types': { version: '2.2.0', devOptional: true },
  'node_modules/vitest': { version: '4.1.0', dev: true },
  'node_modules/lmdb-arm': { version: '3.0.0', optional: true, os: ['linux'], cpu: ['arm'] },
  'node_modules/pg/node_modules/pg-types': { version: '1.0.0', optional: true },
};

it('what is published has each package in the version of the lock, and nothing of a clone', () => {
  expect(published(manifest, { packages })).toEqual({
    name: 'smmap',
    bin: { smmap: 'dist/main.js' },
    dependencies: { pino: '10.4.0', '@pinojs/deep': '1.0.0' },
    optionalDependencies: { pg: '8.1.0', 'pg-types': '2.2.0' },
  });
});

it('a bill of materials has no number of its own, and the time of the commit', () => {
  const printed = { bomFormat: 'CycloneDX', serialNumber: 'urn:uuid:1', metadata: { timestamp: 'now', component: {} } };
  expect(JSON.parse(billOf(JSON.stringify(printed), 0))).toEqual({
    bomFormat: 'CycloneDX',
    metadata: { timestamp: '1970-01-01T00:00:00.000Z', component: {} },
  });
});
