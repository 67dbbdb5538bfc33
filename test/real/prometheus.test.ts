import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../support/http.ts';
import { connectTo } from './client.ts';
import { makeFolder, serve } from './daemon.ts';
import { PARTS, describePart, findPrograms } from './part.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const RULES = fileURLToPath(new URL('../../contrib/prometheus/smmap.rules.yml', import.meta.url));
const FRED = 'fred@example.org';

describePart(
  'Prometheus itself',
  findPrograms('Prometheus', PARTS, 'prometheus', ['usr/bin'], ['promtool']),
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

    test('accepts what the daemon exposes, with nothing to complain about', { timeout: 20_000 }, async () => {
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
  },
);
