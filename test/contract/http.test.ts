import { afterAll } from 'vitest';
import { PARAMETERS, QUERIES } from '../../src/store/asked.ts';
import { createHttp } from '../../src/store/driver/http/driver.ts';
import { ABSENT } from '../../src/store/driver/http/response.ts';
import type { HttpRequest } from '../../src/store/driver/http/template.ts';
import { parseTemplate } from '../../src/store/driver/http/template.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { type Httpd, rowsOfRecords, startHttpd } from '../support/httpd.ts';
import { describeStore } from './suite.ts';

let starting: Promise<Httpd> | null = null;
let stores = 0;
afterAll(async () => await (await starting)?.stop());

describeMethod('GET');
describeMethod('POST');

function describeMethod(method: HttpRequest['method']): void {
  describeStore(`a server that is asked over HTTP by ${method}`, {
    async open(records) {
      const httpd = await (starting ??= startHttpd());
      await httpd.start();
      const store = `store${++stores}`;
      await httpd.load(store, rowsOfRecords(records));
      const requests = QUERIES.map((name) => {
        const query = PARAMETERS[name].map((parameter) => `${parameter}=:${parameter}`).join('&');
        const url = parseTemplate(name, `${httpd.origin}/${store}/${method === 'GET' ? `${name}?${query}` : ''}`);
        if ('flaw' in url) throw new Error(url.flaw);
        return [name, { method, url, stringIs: null }] as const;
      });
      const bulk = createHttp({
        requests: Object.fromEntries(requests),
        headers: {},
        absent: ABSENT,
        token: null,
        tls: null,
        connections: 4,
        timeoutMs: 2_000,
      });
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
