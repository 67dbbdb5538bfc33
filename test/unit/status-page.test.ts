import { describe, expect, it, onTestFinished } from 'vitest';
import type { MetricsConfig } from '../../src/config/config.ts';
import { type Shown, createStatusPage, isOurs } from '../../src/daemon/page/status-page.ts';
import { createCounts } from '../../src/observe/counts.ts';
import { PLAIN } from '../../src/observe/keys.ts';
import { createNewest } from '../../src/observe/newest.ts';

const TCP: MetricsConfig = {
  kind: 'tcp',
  host: '127.0.0.1',
  port: 0,
  allow: [],
  hosts: ['status.example.org'],
  explain: false,
};
const UNIX: MetricsConfig = { kind: 'unix', path: '/x', mode: 0o600, uid: -1, gid: -1, hosts: [], explain: false };

/** A page of a daemon without stores, and what it was asked to explain. */
function pageOf(metrics: MetricsConfig | null) {
  const newest = createNewest(() => PLAIN);
  const asked: object[] = [];
  const observed = {
    version: '1',
    node: '20',
    counts: createCounts(),
    connections: 0,
    listeners: [],
    stores: new Map(),
    harvest: { active: () => [], counts: () => [] },
  };
  const maps = new Map([['mailbox', { kind: 'mailbox', options: {}, stores: [] }]]);
  const reply = { kind: 'OK', value: 'fred@example.org' } as const;
  const said = { stores: [], leftOut: 0, cause: null, ms: 1, otherwise: [], hints: [], protocols: [] };
  const steps = [{ about: 'key', text: 'the first step', setting: null, outcome: null, ms: null, steps: [] }] as const;
  const shown: Shown = {
    observed: () => observed,
    config: () => ({ maps, log: { level: 'info', keys: 'plain' }, metrics }),
    newest,
    async explain(request) {
      asked.push(request);
      return { ...said, ...request, kind: 'mailbox', section: 'mailbox', steps, reply, would: null };
    },
  };
  const page = createStatusPage(shown);
  onTestFinished(() => page.close());
  page.follow();
  const ask = (query = '', { host = 'localhost', isCrossSite = false } = {}) =>
    page.page({ accept: '', host, isCrossSite, query: new URLSearchParams(query) });
  return { ask, asked, newest };
}

describe('the Host header', () => {
  it.each([
    ['127.0.0.1:9877', TCP, true],
    ['[::1]:9877', TCP, true],
    ['192.0.2.1', TCP, true],
    ['LOCALHOST:9877', TCP, true],
    ['status.example.org', TCP, true],
    ['Status.Example.Org:443', TCP, true],
    ['evil.example', TCP, false],
    ['127.0.0.1.evil.example', TCP, false],
    ['status.example.org.evil.example', TCP, false],
    ['localhost@evil.example', TCP, false],
    ['', TCP, false],
    ['evil.example', UNIX, true],
  ])('%s', (host, metrics, isKnown) => {
    expect(isOurs(host, metrics)).toBe(isKnown);
  });

  it('is refused with the key that admits it, and nothing is shown', async () => {
    const { status, text } = await pageOf(TCP).ask('', { host: 'evil.example' });
    expect(status).toBe(421);
    expect(text).toBe('smmap is not known by the name in the Host header: add it to hosts in [metrics]\n');
  });
});

describe('the page', () => {
  it('lets in nothing from elsewhere', async () => {
    const { status, headers } = await pageOf(TCP).ask();
    expect(status).toBe(200);
    const policy = headers?.['Content-Security-Policy'] ?? '';
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; img-src data:;/);
    expect(policy).not.toMatch(/unsafe|\*|http/);
  });

  it('explains an address only where explain = true', async () => {
    const { ask, asked } = pageOf(TCP);
    expect((await ask('explain=fred@example.org&map=mailbox')).status).toBe(404);
    expect((await ask()).text).not.toContain('<form');
    expect(asked).toEqual([]);
  });

  it('explains it by the same engine as smmap explain', async () => {
    const { ask, asked } = pageOf({ ...TCP, explain: true });
    const { status, text } = await ask('explain=fred%2Bx@example.org&map=mailbox');
    expect([status, asked]).toEqual([200, [{ key: 'fred+x@example.org', map: 'mailbox' }]]);
    expect(text).toContain('the first step');
    expect(text).toContain('OK fred@example.org');
  });

  it.each([
    ['without an address', 'explain=&map=mailbox', 200, 'Give an address.'],
    ['for a map that is not configured', 'explain=fred&map=other', 200, 'There is no map other.'],
  ])('explains nothing %s, and says so', async (_, query, status, said) => {
    const { ask, asked } = pageOf({ ...TCP, explain: true });
    const page = await ask(query);
    expect([page.status, asked]).toEqual([status, []]);
    expect(page.text).toContain(said);
  });

  it('explains nothing to another site', async () => {
    const { ask, asked } = pageOf({ ...TCP, explain: true });
    expect((await ask('explain=fred@example.org', { isCrossSite: true })).status).toBe(403);
    expect(asked).toEqual([]);
  });

  it('watches nothing without [metrics]', async () => {
    const { ask, newest } = pageOf(null);
    expect(newest.isWatched).toBe(false);
    expect((await ask()).status).toBe(404);
  });
});
