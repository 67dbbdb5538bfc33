// What the sessions of real mail servers see while smmap, a service of a real systemd, is restarted, reloaded and upgraded.
// SMMAP_LONG=1 does it as often as docs/operations.md says.

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Result } from './command.ts';
import { findInit } from './init.ts';
import { findExim } from './mta-exim.ts';
import { findOpensmtpd } from './mta-opensmtpd.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import type { MtaPart } from './mta.ts';
import { PARTS, describePart, together } from './part.ts';
import { type Load, type Session, type Tally, configOf, openSession, startAsking, startLoad } from './restart.ts';
import { type Service, makeService, until } from './service.ts';

const FINE: Result = { code: 0, stdout: '', stderr: '' };
const LONG = process.env['SMMAP_LONG'] === '1';
const TIMES = LONG ? { restarts: 10, reloads: 10, upgrades: 4 } : { restarts: 2, reloads: 1, upgrades: 1 };

const init = await findInit();
const found = {
  sendmail: await findSendmailServer(PARTS),
  postfix: await findPostfixServer(PARTS),
  exim: await findExim(PARTS),
};

describePart('live sessions of Sendmail, Postfix and Exim', together({ init, ...found }), () => {
  test(
    `lose nothing in ${TIMES.restarts} restarts, ${TIMES.reloads} reloads, ${TIMES.upgrades} upgrades`,
    { timeout: 300_000 },
    async () => {
      const service = await makeService(onTestFinished);
      const { load, ports } = await startUnderLoad(service);
      const restart = async (): Promise<void> => {
        expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      };
      await repeat('restart', TIMES.restarts, load, restart);
      await repeat('reload', TIMES.reloads, load, async () => {
        expect(await service.systemctl('reload', 'smmap')).toEqual(FINE);
      });
      await repeat('upgrade', TIMES.upgrades, load, async () => {
        await service.upgrade();
        await restart();
      });
      expect((await service.logged()).filter(({ event }) => event === 'failed')).toEqual([]);
      await load.end();
      await stopAndStart(service, ports);
    },
  );
});

const opensmtpd = await findOpensmtpd(PARTS);

describePart('a live OpenSMTPD', together({ init, opensmtpd }), () => {
  test('loses no lookup in a restart, and in a stop only those that it asks meanwhile', async () => {
    const service = await makeService(onTestFinished);
    await service.configure(configOf('/run/smmap', 'stop_ms = 200\nhandover_ms = 200'));
    await service.systemctl('start', 'smmap');
    const smtp = await openSession('opensmtpd', await startAsking(service, 'opensmtpd', opensmtpd as MtaPart));
    const tally: Tally = { right: 0, wrong: [] };
    for (let round = 0; round < 2; round++) {
      expect(await service.systemctl('restart', 'smmap')).toEqual(FINE);
      await smtp.ask(tally, 2);
      await sleep(2_000); // the old daemon has dropped all others by then
      await smtp.ask(tally, 2);
    }
    expect(tally).toEqual({ right: 8, wrong: [] });
    await service.systemctl('stop', 'smmap');
    await until(async () => !existsSync(service.socket));
    await smtp.ask(tally, 2);
    expect(tally.wrong).toHaveLength(2);
    await service.systemctl('start', 'smmap');
    await smtp.ask(tally, 4);
    expect(tally).toMatchObject({ right: 12, wrong: { length: 2 } });
  });
});

/** What was half-closed by a stop is asked again after a start: each session may lose one lookup, as Sendmail does. */
async function stopAndStart(service: Service, ports: ReadonlyMap<string, number>): Promise<void> {
  const sessions = new Map<string, Session>();
  for (const [name, port] of ports) sessions.set(name, await openSession(name, port));
  expect(await service.systemctl('stop', 'smmap')).toEqual(FINE);
  await until(async () => !existsSync(service.socket));
  expect(await service.systemctl('start', 'smmap')).toEqual(FINE);
  const lost: string[] = [];
  for (const [name, session] of sessions) {
    const tally: Tally = { right: 0, wrong: [] };
    await session.ask(tally, 6);
    expect(tally.wrong.length, tally.wrong.join('\n')).toBeLessThanOrEqual(1);
    lost.push(`${name} ${tally.wrong.length} of 6`);
  }
  process.stderr.write(`a stop and a start: lost ${lost.join(', ')}\n`);
}

/** Starts the service, the mail servers, and their sessions. */
async function startUnderLoad(service: Service): Promise<{ load: Load; ports: ReadonlyMap<string, number> }> {
  await service.configure(configOf('/run/smmap'));
  expect(await service.systemctl('start', 'smmap')).toEqual(FINE);
  const ports = new Map<string, number>();
  for (const [name, part] of Object.entries(found)) {
    ports.set(name, await startAsking(service, name, part as MtaPart));
  }
  return { load: await startLoad(ports), ports };
}

async function repeat(what: string, times: number, load: Load, action: () => Promise<void>): Promise<void> {
  let right = 0;
  const took: number[] = [];
  for (let round = 0; round < times; round++) {
    const tally = await load.during(async () => {
      const startedAt = performance.now();
      await action();
      took.push(Math.round(performance.now() - startedAt));
    });
    expect([...new Set(tally.wrong)]).toEqual([]);
    right += tally.right;
  }
  process.stderr.write(`${what} x ${times}: ${right} lookups right, none lost; it took ${took.join(', ')} ms\n`);
}
