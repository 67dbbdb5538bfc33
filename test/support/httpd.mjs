// A server for the HTTP driver, in a process of its own. Its parent sends it rows and modes.
//
// `/STORE/QUESTION?...` and POST to `/STORE/` look among the rows of a store; `/do/KIND` misbehaves as it says.

import { createServer } from 'node:http';

const stores = new Map();
let mode = 'well';

/** Rows whose `match` is what was asked, in any case. */
const rowsFor = (store, question, asked) =>
  (stores.get(store) ?? [])
    .filter((row) => row.question === question)
    .filter(({ match }) =>
      Object.entries(match).every(([name, value]) => asked[name]?.toLowerCase() === value.toLowerCase()),
    )
    .map(({ fields }) => fields);

const json = (response, status, content) => {
  const body = JSON.stringify(content);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
};

const cut = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
  response.write('{"value":"x"');
  setTimeout(() => response.destroy(), 10);
};

const KINDS = {
  500: (response) => json(response, 500, { value: 'x' }),
  401: (response) => json(response, 401, {}),
  400: (response) => json(response, 400, {}),
  404: (response) => json(response, 404, {}),
  redirect: (response) => response.writeHead(302, { location: '/do/value' }).end(),
  nothing: (response) => response.writeHead(204).end(),
  html: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('{"value":"x"}'),
  untyped: (response) => response.writeHead(200).end('{"value":"x"}'),
  broken: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"value":"x"'),
  latin: (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from('{"value":"jos\u00e9"}', 'latin1')),
  big: (response) => json(response, 200, { value: 'x'.repeat(70_000) }),
  bigger: (response) => json(response, 404, { value: 'x'.repeat(70_000) }),
  object: (response) => json(response, 200, {}),
  error: (response) => json(response, 200, { error: 'not found' }),
  number: (response) => json(response, 200, { value: 1 }),
  text: (response) => json(response, 200, 'x'),
  null: (response) => json(response, 200, null),
  state: (response) => json(response, 200, { state: 'gone' }),
  nested: (response) => json(response, 200, [[{ value: 'x' }]]),
  value: (response) => json(response, 200, { value: 'x', more: 1 }),
  typed: (response) =>
    response.writeHead(200, { 'content-type': 'application/hal+json; charset=utf-8' }).end('{"value":"x"}'),
  rows: (response) => json(response, 200, [{ value: 'x', state: 'disabled' }, { value: 'y' }]),
  none: (response) => json(response, 200, []),
  other: (response) => json(response, 200, { address: 'joe@example.org' }),
  cut,
  cut404: (response) => {
    response.writeHead(404, { 'content-length': 100 });
    response.write('x');
    setTimeout(() => response.destroy(), 10);
  },
  upgrade: (response) =>
    response.socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  slow: (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"value":'),
  hang: () => {},
};

const serve = async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const [, store, question] = pathname.split('/').map(decodeURIComponent);
  if (mode === '500') return json(response, 500, {});
  if (mode === 'cut') return cut(response);
  if (store === 'do') return KINDS[question](response);
  if (store === 'headers') return json(response, 200, { value: JSON.stringify(request.headers) });
  if (store === 'url') return json(response, 200, { value: request.url });
  let body = '';
  for await (const chunk of request) body += chunk;
  if (store === 'body') return json(response, 200, { value: body });
  const asked = request.method === 'POST' ? JSON.parse(body) : Object.fromEntries(searchParams);
  const rows = rowsFor(store, asked.question ?? question, asked);
  if (rows.length === 0) json(response, 404, {});
  else json(response, 200, rows.length === 1 ? rows[0] : rows);
};

const server = createServer((request, response) => void serve(request, response));
process.on('message', (message) => {
  if (message.store !== undefined) stores.set(message.store, message.rows);
  if (message.mode !== undefined) mode = message.mode;
  process.send({ done: true });
});
process.on('disconnect', () => process.exit());
server.listen(...JSON.parse(process.argv[2]), () => process.send({ port: server.address().port ?? 0 }));
