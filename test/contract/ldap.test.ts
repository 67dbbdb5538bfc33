import { afterAll } from 'vitest';
import type { StoredRecord } from '../../src/record/record.ts';
import { createLdap } from '../../src/store/driver/ldap/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { describePart, PARTS } from '../real/part.ts';
import { entriesOf, searchesBelow } from '../support/directory.ts';
import { READER, READER_PASSWORD, SUFFIX, type Slapd, findSlapd } from '../support/slapd.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

describePart('LDAP', findSlapd(PARTS), (part) => {
  let starting: Promise<Slapd> | null = null;
  let stores = 0;
  afterAll(async () => await (await starting)?.stop());

  describeStore('a directory', {
    async open(records: readonly StoredRecord[]) {
      const slapd = await (starting ??= part.start());
      await slapd.start();
      const name = `ou=store${++stores}`;
      await slapd.add(entriesOf(name, records));
      const bulk = createLdap({
        url: slapd.ldapi,
        startTls: false,
        tls: null,
        bind: { kind: 'simple', dn: READER, password: () => Promise.resolve(READER_PASSWORD) },
        connections: 2,
        timeoutMs: PATIENT_MS,
        base: `${name},${SUFFIX}`,
        searches: searchesBelow(),
        certain: true,
        domainScope: false,
        canaries: new Map(),
      });
      return createBatch(bulk, { most: 100, inFlight: 2 });
    },
    async breaks() {
      await (await starting)?.kill();
    },
    async hangs() {
      (await starting)?.hang();
    },
    lacks: { unwrittenTables: 'a directory cannot tell it from an absence; only a canary notices' },
  });
});
