import type { Build, Part } from './bench.ts';
import { MAP, addressOf, requestFor } from './questions.ts';
import { interleave } from './rounds.ts';
import { type Figure, formatFigures } from './table.ts';

interface Codec {
  readonly netstring: typeof import('../src/protocol/netstring.ts');
  readonly reply: typeof import('../src/protocol/reply.ts');
  readonly request: typeof import('../src/protocol/request.ts');
}

interface Task {
  readonly what: string;
  readonly who: string;
  /** How many frames one call codes. */
  readonly frames: number;
  readonly call: () => unknown;
}

const PIPELINED = 100;
const REQUEST_BYTES = 10_000;
const REPLY_BYTES = 100_000;
const SLICE_MS = 30;
const CALLS = 1_000;

const KEY = addressOf(500_000);
const REQUEST = Buffer.from(requestFor(MAP, KEY));
const MANY = Buffer.from(requestFor(MAP, KEY).repeat(PIPELINED));
const HALVES = [REQUEST.subarray(0, 12), REQUEST.subarray(12)];
const UTF8_REQUEST = Buffer.from(requestFor(MAP, 'jürgen@bücher.example'));

const run: Part['run'] = async ({ builds, rounds, print }) => {
  const tasks: Task[] = [];
  for (const build of builds) {
    try {
      tasks.push(...tasksOf(build, await codecOf(build)));
    } catch (error) {
      print(`\nThe codec of ${build.name} is not measured: ${(error as Error).message}`);
    }
  }
  const results = await interleave(
    rounds,
    tasks.map((task) => () => nanosecondsOf(task)),
    true,
  );
  const figures = tasks.map(({ what, who }, at): Figure => {
    return { what, who, unit: 'ns/frame', better: 'lower', values: results[at] ?? [] };
  });
  print('\nCodec: CPU time for one frame of the protocol, without sockets.\n');
  print(formatFigures(figures.toSorted((a, b) => a.what.localeCompare(b.what))));
  return { figures, goals: [] };
};

export const codecPart: Part = { about: 'CPU time to decode a request and to encode a reply, without sockets', run };

async function codecOf({ folder }: Build): Promise<Codec> {
  const load = (name: string): Promise<unknown> => import(`${folder}/dist/protocol/${name}.js`);
  return {
    netstring: (await load('netstring')) as Codec['netstring'],
    reply: (await load('reply')) as Codec['reply'],
    request: (await load('request')) as Codec['request'],
  };
}

function tasksOf({ name: who }: Build, { netstring, reply, request }: Codec): Task[] {
  const decoder = new netstring.NetstringDecoder(REQUEST_BYTES);
  const decode = (...chunks: readonly Buffer[]): number => {
    let bytes = 0;
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let next = decoder.next(); next !== null; next = decoder.next()) bytes += next.length;
      decoder.keep();
    }
    return bytes;
  };
  const parse = (frame: Buffer): unknown => {
    decoder.push(frame);
    const payload = decoder.next();
    return payload === null ? null : request.parseRequest(payload);
  };
  const encode = (): string => netstring.encodeNetstring(reply.formatReply({ kind: 'OK', value: KEY }, REPLY_BYTES));
  return [
    { what: 'decode a request', who, frames: 1, call: () => decode(REQUEST) },
    { what: `decode ${PIPELINED} requests at once`, who, frames: PIPELINED, call: () => decode(MANY) },
    { what: 'decode a request in two pieces', who, frames: 1, call: () => decode(...HALVES) },
    { what: 'decode and parse a request', who, frames: 1, call: () => parse(REQUEST) },
    { what: 'decode and parse a request with UTF-8', who, frames: 1, call: () => parse(UTF8_REQUEST) },
    { what: 'encode a reply', who, frames: 1, call: encode },
  ];
}

let sink: unknown; // V8 leaves out a call whose result nobody uses

function nanosecondsOf({ call, frames }: Task): number {
  const from = process.cpuUsage();
  const untilMs = performance.now() + SLICE_MS;
  let calls = 0;
  while (performance.now() < untilMs) {
    for (let i = 0; i < CALLS; i++) sink = call();
    calls += CALLS;
  }
  const spent = process.cpuUsage(from);
  if (sink === undefined) throw new Error('the codec computed nothing');
  return ((spent.user + spent.system) * 1_000) / (calls * frames);
}
