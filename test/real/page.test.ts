import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { chromium, launch } from '../support/chromium.ts';
import { ask } from '../support/get.ts';
import { connectTo } from './client.ts';
import { type Daemon, fill, makeFolder, serve } from './daemon.ts';
import { describePart } from './part.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function portOf(daemon: Daemon): Promise<number> {
  const { where } = await daemon.logged('listening', ({ listener }) => listener === 'metrics');
  return Number(String(where).split(':').at(-1));
}

/** A daemon with a store that answers and one that does not, and what it was asked. */
async function serveSome() {
  const folder = await makeFolder();
  await fill(join(folder, 'store'), ['fred@example.org']);
  const config = `
[listen.mta]
path = "${folder}/smmap.sock"
[metrics]
tcp = "127.0.0.1:0"
explain = true
[store.local]
driver = "embedded"
path = "${folder}/store"
[store.people]
driver = "redis"
url = "redis://127.0.0.1:1"
mailbox = { set = "mailboxes", member = "{address}" }
[map.mailbox]
stores = ["local"]
[map.people]
stores = ["people"]
`;
  const daemon = await serve({ folder, config });
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  for (const key of ['fred@example.org', 'nobody@example.org', '<img src=//evil.example>@example.org']) {
    await client.ask('mailbox', key);
    await client.ask('people', key);
  }
  return { client, port: await portOf(daemon) };
}

describePart('the status page in Chromium', chromium, (program) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch(program);
  });
  afterAll(() => browser.close());

  /** Opens a page, and collects what the browser complains about and which addresses it asks. */
  async function open(url: string, options: Parameters<Browser['newContext']>[0]) {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const [complaints, asked]: [string[], Set<string>] = [[], new Set()];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => asked.add(new URL(request.url()).host));
    await page.goto(url);
    return { page, complaints, asked };
  }

  test.each([
    [360, 'light', true],
    [360, 'dark', false],
    [1_280, 'light', false],
    [1_280, 'dark', true],
  ] as const)('at %s pixels, %s, with script: %s', async (width, colorScheme, javaScriptEnabled) => {
    const { port } = await serveSome();
    const home = `http://127.0.0.1:${port}/`;
    const options = { viewport: { width, height: 900 }, colorScheme, javaScriptEnabled };
    const { page, complaints, asked } = await open(`${home}?explain=fred@example.org&map=mailbox`, options);
    const text = await page.innerText('body');
    for (const said of ['<img src=//evil.example>@example.org', 'store people', 'unavailable', 'OK fred@example.org']) {
      expect(text).toContain(said);
    }
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect([complaints, [...asked]]).toEqual([[], [`127.0.0.1:${port}`]]);
    // axe is a script, so it looks at the same page where script runs; what it adds is not held back by the policy
    const looked = await open(`${home}?explain=fred@example.org&map=mailbox`, {
      ...options,
      javaScriptEnabled: true,
    });
    await looked.page.evaluate(AXE);
    const { violations } = (await looked.page.evaluate('axe.run()')) as { violations: readonly { id: string }[] };
    expect(violations).toEqual([]);
  });

  const pictureOf = process.env['SMMAP_PICTURE_OF']; // the page of a daemon that has run for an hour
  test.runIf(pictureOf !== undefined)('is drawn for the documents', async () => {
    const [width, height] = [1_280, 720];
    const { page } = await open(String(pictureOf), { viewport: { width, height }, colorScheme: 'light' });
    writeFileSync('docs/status-page.png', await page.screenshot());
  });

  test('renews itself by script, and leaves what is typed alone', async () => {
    const { client, port } = await serveSome();
    const { page, complaints } = await open(`http://127.0.0.1:${port}/`, {});
    await page.fill('#address', 'half of an addr');
    await client.ask('mailbox', 'newest@example.org');
    await page.getByText('newest@example.org').waitFor({ timeout: 30_000 });
    expect(await page.inputValue('#address')).toBe('half of an addr');
    expect(await page.evaluate('document.activeElement.id')).toBe('address');
    expect(complaints).toEqual([]);
  });

  test('explains an address by its form, without script', async () => {
    const { port } = await serveSome();
    const { page } = await open(`http://127.0.0.1:${port}/`, { javaScriptEnabled: false });
    await page.fill('#address', 'nobody@example.org');
    await page.selectOption('#map', 'mailbox');
    await page.click('button');
    expect(await page.innerText('.reply')).toContain('NOTFOUND');
  });
});

test('the status page is sent by GET and HEAD, with its policy, and not for another name', async () => {
  const { port } = await serveSome();
  const head = await ask(port, '/', { method: 'HEAD' });
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers).toMatchObject({
    'content-security-policy': expect.stringContaining("default-src 'none'"),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  expect((await ask(port, '/', { headers: { host: 'evil.example' } })).status).toBe(421);
  const crossSite = await ask(port, '/?explain=fred@example.org', { headers: { 'sec-fetch-site': 'cross-site' } });
  expect(crossSite.status).toBe(403);
});
