import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createPageServer } from '../../src/daemon/metrics/server.ts';

/** A client of a server with one page, and how often that was made. */
async function clientOfPage(): Promise<{ client: Socket; made: () => number }> {
  let made = 0;
  const pages = createPageServer({
    '/': async () => {
      made++;
      return { status: 200, type: 'text/plain', text: 'page\n' };
    },
  });
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => pages.serve(socket));
  onTestFinished(() => {
    pages.close();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {}); // a reset is an end, too
  return { client, made: () => made };
}

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

it('makes one page for a connection', async () => {
  const { client, made } = await clientOfPage();
  client.setEncoding('latin1').write(GET);
  let text = '';
  for await (const chunk of client) text += String(chunk);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*page\n$/s);
  expect(made()).toBe(1);
});

it('makes no second page for a client that sends a thousand requests at once, and ends it', async () => {
  const { client, made } = await clientOfPage();
  client.resume().write(GET.repeat(1_000));
  await once(client, 'close');
  expect(made()).toBe(1);
});
