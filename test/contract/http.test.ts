import { afterAll } from 'vitest';
import { PARAMETERS, QUERIES } from '../../src/store/asked.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { httpWith } from '../support/http.ts';
import { type Httpd, rowsOfRecords, startHttpd } from '../support/httpd.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

let starting: Promise<Httpd> | null = null;
let stores = 0;
afterAll(async () => await (await starting)?.stop());

describeMethod('GET');
describeMethod('POST');

function describeMethod(method: 'GET' | 'POST'): void {
  describeStore(`a server that is asked over HTTP by ${method}`, {
    async open(records) {
      const httpd = await (starting ??= startHttpd());
      await httpd.start();
      const store = `store${++stores}`;
      await httpd.load(store, rowsOfRecords(records));
      const url = `${httpd.origin}/${store}/`;
      const requests = QUERIES.map((name) => {
        const query = PARAMETERS[name].map((parameter) => `${parameter}=:${parameter}`).join('&');
        return [name, method === 'GET' ? `${url}${name}?${query}` : { post: url }] as const;
      });
      const bulk = httpWith({ ...Object.fromEntries(requests), connections: 4, timeout_ms: PATIENT_MS });
      return createBatch(bulk, { most: 100, inFlight: 2 });
    },
    async breaks() {
      await (await starting)?.kill();
    },
    async hangs() {
      (await starting)?.hang();
    },
    lacks: {
      unwrittenTables: 'a server answers 404 for that too; only a canary notices',
    },
  });
}
