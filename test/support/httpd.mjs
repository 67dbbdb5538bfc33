// A server for the HTTP driver, in a process of its own. Its parent sends it rows and modes, and where to listen.
//
// `/STORE/QUESTION?...` and POST to `/STORE/` look among the rows of a store; `/do/KIND` misbehaves as it says.

import { createServer } from 'node:http';

const stores = new Map();
let mode = 'well';
let requests = 0;

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

const page = (response, type, content) => response.writeHead(404, { 'content-type': type }).end(content);

/** What Flask sends, and with it Mailu. */
const FLASK = `<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>
`;

/** Mailu's `/internal/postfix/KIND/KEY`: one JSON string, or Flask's page. */
const mailu = (response, kind, key) => {
  const [row] = rowsFor('mailu', kind, { key });
  if (row === undefined) page(response, 'text/html; charset=utf-8', FLASK);
  else json(response, 200, row.text);
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
  410: (response) => json(response, 410, {}),
  page404: (response) => page(response, 'text/html', '<h1>404</h1>\n'),
  plain404: (response) => page(response, 'text/plain', '404 page not found\n'),
  empty404: (response) => response.writeHead(404).end(),
  emptyjson404: (response) => page(response, 'application/json', ''),
  brokenjson404: (response) => page(response, 'application/json', '{'),
  problem404: (response) => page(response, 'application/problem+json; charset=utf-8', '{"status":404}'),
  code404: (response) => json(response, 404, { error: 'unknown', code: 'AddressNotFound' }),
  none404: (response) => json(response, 404, []),
  marked404: (response) => response.writeHead(404, { 'x-mailbox': 'absent' }).end(),
  exists: (response) => json(response, 200, { exists: false }),
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
  const [, store, question, kind, key] = pathname.split('/').map(decodeURIComponent);
  if (mode === '500') return json(response, 500, {});
  if (mode === 'cut') return cut(response);
  if (store === 'do') return KINDS[question](response);
  if (store === 'headers') return json(response, 200, { value: JSON.stringify(request.headers) });
  if (store === 'url') return json(response, 200, { value: request.url });
  if (store === 'internal' && question === 'postfix') return mailu(response, kind, key);
  if (store === 'tenth' && ++requests % 10 === 0) return KINDS.page404(response); // of a proxy
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
  const done = () => process.send({ done: true });
  if (message.listen !== undefined) server.listen(...message.listen, done);
  else done();
});
process.on('disconnect', () => process.exit());
