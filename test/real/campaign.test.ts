// Less than a minute of `npm run campaign` (docs/campaign.md), and a daemon that breaks the one law, which it must find out.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type Settings, runCampaign } from '../../campaign/campaign.ts';
import { PAUSE_MS } from '../../campaign/schedule.ts';
import { STORES } from '../../campaign/world.ts';
import { findDovecot } from '../support/dovecot.ts';
import { LONG } from '../support/long.ts';
import { findMariadb } from '../support/mariadb.ts';
import { findPostgresql } from '../support/postgresql.ts';
import { findRedis } from '../support/redis.ts';
import { findSlapd } from '../support/slapd.ts';
import { MAIN, copyProgram } from './daemon.ts';
import { PARTS, describePart, together } from './part.ts';

const settings = (more: Partial<Settings>): Settings => ({
  root: process.cwd(),
  parts: PARTS,
  main: MAIN,
  seed: 16,
  minutes: 0.6,
  pauseMs: PAUSE_MS,
  workers: 2,
  clients: 16,
  stores: Object.keys(STORES),
  only: [],
  print: (line) => void process.stderr.write(`${line}\n`),
  ...more,
});

const servers = {
  dovecot: await findDovecot(PARTS),
  mariadb: await findMariadb(PARTS),
  postgresql: findPostgresql(PARTS),
  redis: await findRedis(PARTS),
  slapd: findSlapd(PARTS),
};

describePart('a campaign with all stores', together(servers), () => {
  test('finds no wrong, late or lost answer', { ...LONG, timeout: 240_000 }, async () => {
    const { violations, answers } = await runCampaign(settings({}));
    expect(violations).toEqual([]);
    expect(answers).toBeGreaterThan(100);
  });
});

test('a campaign finds out a daemon that replies NOTFOUND where a store fails', { timeout: 120_000 }, async () => {
  const main = await copyProgram();
  const chunks = join(dirname(main), 'chunks');
  for (const name of readdirSync(chunks).filter((each) => each.endsWith('.js'))) {
    const text = readFileSync(join(chunks, name), 'utf8');
    writeFileSync(join(chunks, name), text.replaceAll(/kind: "TEMP",\s*reason: "lookup failed"/g, 'kind: "NOTFOUND"'));
  }
  const broken = settings({ main, minutes: 0.15, stores: ['embedded', 'sqlite'], only: ['away'], workers: 1 });
  const { violations } = await runCampaign(broken);
  expect(new Set(violations.map(({ flaw }) => flaw))).toEqual(new Set(['wrong NOTFOUND']));
  expect(violations[0]).toMatchObject({
    text: expect.stringMatching(/"NOTFOUND "; .*exists/),
    faults: expect.stringMatching(/away of (embedded|sqlite)/),
  });
});
