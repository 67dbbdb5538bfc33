import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Settings } from '../src/conformance/bench.ts';

/** A socket map server of others. docs/conformance.md says where its program must be. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly keys: Pick<Settings, 'map' | 'known' | 'unknown'>;
  readonly protocol?: Settings['protocol'];
  /** The command that starts it in a folder of its own, so that it listens at `s.sock` there. */
  readonly command: (sources: string, folder: string) => string | Promise<string>;
}

const PYTHON = '/usr/bin/python3'; // Debian's, which has Debian's packages
const KEYS = { map: 'mailbox', known: 'fred@example.org', unknown: 'nobody@example.org' } as const;

const { version: VERSION } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const MAIN = join(process.cwd(), 'dist/main.js');
const commandOf = (program: string, ...args: readonly string[]): string =>
  ['exec', program, ...args.map((arg) => `'${arg}'`)].join(' ');

/** smmap itself, with one mailbox. */
function smmap(protocol: Settings['protocol']): Peer {
  return {
    name: `smmap, ${protocol === 'line' ? 'lines' : 'netstrings'}`,
    version: VERSION,
    keys: KEYS,
    protocol,
    async command(_, folder) {
      const listener = `[listen.peer]\npath = "${join(folder, 's.sock')}"\nprotocol = "${protocol}"\n`;
      const store = `[store.local]\ndriver = "memory"\nmailboxes = ["${KEYS.known}"]\n[map.mailbox]\n`;
      await writeFile(join(folder, 'smmap.toml'), listener + store);
      return commandOf(process.execPath, MAIN, 'serve', '--config', join(folder, 'smmap.toml'));
    },
  };
}

/** The web server behind pfxhttp: the value of who exists, and an empty object for who does not. */
async function startNauthilus(): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(body.includes(`"${KEYS.known}"`) ? JSON.stringify({ value: KEYS.known }) : '{}');
    });
  });
  server.keepAliveTimeout = 0; // a connection that ended while pfxhttp was stopped would hide whether it answers too late
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}

/** The web server behind podop: 200 for who exists, 404 for who does not. */
async function startMailu(): Promise<number> {
  const server = createServer(({ url = '' }, response) => {
    const isKnown = decodeURIComponent(url) === `/${KEYS.known}`;
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isKnown ? JSON.stringify(KEYS.known) : '{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}

/** All of them but Cyrus, which run.ts starts. */
export const PEERS: readonly Peer[] = [
  smmap('netstring'),
  smmap('line'),
  {
    name: 'PostSRSd',
    version: '2.4.0 (ad76f54)',
    keys: { map: 'forward', known: 'fred@elsewhere.example', unknown: 'fred@example.org' },
    async command(sources, folder) {
      await mkdir(join(folder, 'data'));
      await writeFile(join(folder, 'secret'), 'not a secret\n');
      const lines = [
        `socketmap = unix:${join(folder, 's.sock')}`,
        `secrets-file = "${join(folder, 'secret')}"`,
        'domains = { "example.org" }',
        'unprivileged-user = ""',
        'chroot-dir = ""',
      ];
      await writeFile(join(folder, 'postsrsd.conf'), `${lines.join('\n')}\n`);
      return commandOf(join(sources, 'postsrsd/build/postsrsd'), '-C', join(folder, 'postsrsd.conf'));
    },
  },
  {
    name: "Mailu's podop",
    version: 'bbb1c20, Python 3.11',
    keys: KEYS,
    async command(sources, folder) {
      const podop = join(sources, 'Mailu/core/base/libs/podop');
      const url = `http://127.0.0.1:${await startMailu()}/\u00a7`;
      const table = ['--name', 'mailbox', '--type', 'url', '--param', url];
      const listen = ['--socket', join(folder, 's.sock'), '--mode', 'postfix'];
      return commandOf('env', `PYTHONPATH=${podop}`, PYTHON, join(podop, 'scripts/podop'), ...listen, ...table);
    },
  },
  {
    name: 'pysrs',
    version: '1.0.4 (446fcd8), Python 3.11',
    keys: { map: 'reverse-srs', known: 'fred@elsewhere.example', unknown: null },
    async command(sources, folder) {
      await writeFile(join(folder, 'pysrs.cfg'), `[srs]\nsocket = ${join(folder, 's.sock')}\nfwdomain = example.org\n`);
      return commandOf(PYTHON, join(sources, 'pysrs/pysrs.py'), join(folder, 'pysrs.cfg'));
    },
  },
  {
    name: 'postfix-mta-sts-resolver',
    version: '1.5.1 (a000619), Python 3.11',
    keys: { map: 'postfix', known: null, unknown: '192.0.2.1' },
    async command(sources, folder) {
      const lines = [`path: ${join(folder, 's.sock')}`, 'default_zone:', '  timeout: 1'];
      await writeFile(join(folder, 'config.yml'), `${lines.join('\n')}\n`);
      const path = `PYTHONPATH=${join(sources, 'postfix-mta-sts-resolver')}`;
      const start = 'from postfix_mta_sts_resolver.daemon import main; main()';
      return commandOf('env', path, PYTHON, '-c', start, '-c', join(folder, 'config.yml'));
    },
  },
  {
    name: 'socketmap-sql',
    version: '0.2.0 (d04ced1), Python 3.11, one process for each client',
    keys: KEYS,
    async command(sources, folder) {
      const query = `query = select 'x' where ? = '${KEYS.known}'`;
      const database = `[misc]\n[database]\ndriver = sqlite3\ndatabase = ${join(folder, 'data')}\n`;
      await writeFile(join(folder, 'sql.ini'), `${database}[table:mailbox]\ntransform = all\n${query}\n`);
      const program = [PYTHON, join(sources, 'socketmap-sql/socketmapsql.py'), '--config', join(folder, 'sql.ini')];
      const listen = ['--accept', '--inetd', '--listen', join(folder, 's.sock')];
      return commandOf('systemd-socket-activate', ...listen, ...program);
    },
  },
  {
    name: 'postfix-tlspol',
    version: '1.13.0, Go 1.27, without a DNS server',
    keys: { map: 'QUERY', known: null, unknown: 'nobody@example.org' }, // not the name of a domain
    async command(sources, folder) {
      const server = ['server:', `  address: unix:${join(folder, 's.sock')}`, `  cache-file: ${join(folder, 'cache')}`];
      const lines = [...server, '  prefetch: false', 'dns:', '  address: 127.0.0.1:9'];
      await writeFile(join(folder, 'config.yaml'), `${lines.join('\n')}\n`);
      const program = join(sources, 'build-postfix-tlspol/postfix-tlspol');
      return commandOf(program, '-config', join(folder, 'config.yaml'));
    },
  },
  {
    name: 'pfxhttp',
    version: '2.0.0-rc.5, Go 1.27',
    keys: KEYS,
    async command(sources, folder) {
      const listen = {
        kind: 'socket_map',
        name: 'mailbox',
        type: 'unix',
        address: join(folder, 's.sock'),
        mode: '0600',
      };
      const answers = { status_code: 200, value_field: 'value', error_field: 'error', no_error_value: 'none' };
      const target = `http://127.0.0.1:${await startNauthilus()}/`;
      const map = { target, payload: '{"key": "{{ .Key }}"}', ...answers };
      const config = { server: { listen: [listen] }, socket_maps: { mailbox: map } };
      await writeFile(join(folder, 'pfxhttp.json'), JSON.stringify(config));
      const program = join(sources, 'build-pfxhttp/pfxhttp');
      return commandOf(program, '--config', join(folder, 'pfxhttp.json'), '--format', 'json');
    },
  },
  {
    name: "Sendmail's socketmapServer.pl",
    version: '1.1 (2003), Perl 5.36',
    keys: { map: 'virtuser', known: 'bastiaan.bakker@example.com', unknown: 'nobody@example.com' },
    command: (sources, folder) =>
      commandOf('perl', join(sources, 'socketmapServer.pl'), `unix:${join(folder, 's.sock')}`),
  },
  ...(['go-socketmap 46d6074', 'postfix-socketmap-table 00bd5da'] as const).map((each): Peer => {
    const [name = '', commit = ''] = each.split(' ');
    return {
      name,
      version: `${commit}, Go 1.27, with the main.go of peers/`,
      keys: KEYS,
      command: (sources, folder) => commandOf(join(sources, `build-${name}/server`), join(folder, 's.sock')),
    };
  }),
];
