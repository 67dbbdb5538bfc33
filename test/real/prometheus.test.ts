import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { queriesOf, readDashboard } from '../support/dashboard.ts';
import { ask } from '../support/get.ts';
import { freePort } from '../support/port.ts';
import { connectTo } from './client.ts';
import { makeFolder, serve } from './daemon.ts';
import { PARTS, describePart, findPrograms } from './part.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const RULES = fileURLToPath(new URL('../../contrib/prometheus/smmap.rules.yml', import.meta.url));
/** Panels of the dashboard about what this daemon does not have or did not do. */
const MAY_BE_EMPTY =
  /^(?:annotation|Refusals|Deferrals|Servers|Canaries|Records|Hits|Size|Old answers|Connections ended)/;
const FRED = 'fred@example.org';

describePart(
  'Prometheus itself',
  findPrograms('Prometheus', PARTS, 'prometheus', ['usr/bin'], ['promtool', 'prometheus']),
  ({ bin, env }) => {
    /** Throws with what promtool said if it finds a mistake. */
    const promtool = (args: readonly string[], input = ''): string =>
      execFileSync(join(bin, 'promtool'), args, { input, encoding: 'utf8', env: { ...process.env, ...env } });

    test('accepts the alert rules', () => {
      expect(promtool(['check', 'rules', RULES])).toMatch(/SUCCESS: \d+ rules found/);
    });

    test('says that each alert comes with its outage, and not without one', () => {
      expect(promtool(['test', 'rules', join(HERE, 'smmap.rules.test.yml')])).toContain('SUCCESS');
    });

    test('accepts what the daemon exposes, with nothing to complain about', async () => {
      const folder = await makeFolder();
      const store = `[store.people]\ndriver = "file"\nmailboxes = "${folder}/list"\ncanary.mailbox = "${FRED}"\n`;
      const config = `[listen.mta]\npath = "${folder}/s"\n[metrics]\npath = "${folder}/metrics"\n${store}[store.local]\ndriver = "embedded"\npath = "${folder}/store"\n[map.mailbox]\n`;
      const daemon = await serve({ folder, config });
      const client = await connectTo(daemon.socket);
      onTestFinished(() => client.close());
      for (const [map, key] of [
        ['mailbox', FRED],
        ['mailbox', '"a\\"b"@example.org'],
        ['other', FRED],
      ] as const) {
        await client.ask(map, key);
      }
      const { text } = await ask(join(folder, 'metrics'), '/metrics');
      expect(promtool(['check', 'metrics'], text)).toBe('');
    });

    test('scrapes the daemon as OpenMetrics, and knows its alerts and the queries of the dashboard', async () => {
      const folder = await makeFolder();
      const config = `[listen.mta]\npath = "${folder}/s"\n[metrics]\ntcp = "127.0.0.1:0"\n[store.fixed]\ndriver = "memory"\nmailboxes = ["${FRED}"]\n[map.mailbox]\n`;
      const daemon = await serve({ folder, config });
      const client = await connectTo(daemon.socket);
      onTestFinished(() => client.close());
      await client.ask('mailbox', FRED);
      await client.ask('mailbox', 'nobody@example.org'); // the harvest watch shows a map and a listener from its first miss on
      const listening = await daemon.logged('listening', ({ listener }) => listener === 'metrics');
      const target = String(listening['where']).slice('tcp:'.length);
      writeFileSync(
        join(folder, 'prometheus.yml'),
        `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${RULES}']
scrape_configs: [{ job_name: smmap, static_configs: [{ targets: ['${target}'] }] }]`,
      );
      const port = await freePort();
      const options = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
      const prometheus = spawn(join(bin, 'prometheus'), [...options, `--web.listen-address=127.0.0.1:${port}`], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      });
      const ended = once(prometheus, 'close');
      onTestFinished(async () => {
        prometheus.kill('SIGKILL');
        await ended;
      });
      const read = async (path: string): Promise<string> => (await ask(port, path).catch(() => null))?.text ?? '';
      const query = 'smmap_replies_total{job="smmap",map="mailbox",result="OK"}';
      await vi.waitUntil(
        async () => (await read(`/api/v1/query?query=${encodeURIComponent(query)}`)).includes(',"1"]'),
        {
          timeout: 30_000,
          interval: 100,
        },
      );
      const targets = await read('/api/v1/targets');
      expect(targets).toContain('"health":"up"');
      expect(targets).toContain('"lastError":""');
      expect(await read('/api/v1/metadata?metric=smmap_replies')).toContain('counter'); // a name that only OpenMetrics has
      expect(await read('/api/v1/rules')).toContain('"SmmapNotfoundSurge"');
      const results = async (expr: string): Promise<string> => {
        const chosen = expr.replaceAll(/\$(?:job|instance)/g, '.*').replaceAll('$__rate_interval', '1m');
        return read(`/api/v1/query?query=${encodeURIComponent(chosen)}`);
      };
      for (const [name, expr] of queriesOf(readDashboard())) {
        if (!MAY_BE_EMPTY.test(name)) {
          await vi.waitUntil(async () => (await results(expr)).includes('"value":['), {
            timeout: 20_000,
            interval: 200,
          });
        }
        expect(await results(expr), name).toContain('"status":"success"');
      }
    });
  },
);
