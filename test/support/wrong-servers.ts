import { type Behaviour, type Client, type Cut, KNOWN, type World } from './map-server.ts';

/** What is wrong with a server, for each rule: a server that is right but for this part does not keep it. */
type Wrong = (right: Behaviour) => Partial<Behaviour>;

/** It reads frames that are no frames, after they were changed so. */
function lenient(change: (bytes: string) => string): Wrong {
  return (right) => ({ cut: (bytes) => right.cut(change(bytes)) });
}

/** It has another reply to some requests. */
function replies(to: RegExp, reply: string | null): Wrong {
  return (right) => ({ reply: (payload, client) => (to.test(payload) ? reply : right.reply(payload, client)) });
}

/** It replies something else than it should. */
function says(change: (reply: string) => string): Wrong {
  return (right) => ({ reply: (payload, client) => change(right.reply(payload, client) ?? '') });
}

/** It ends the connection after some requests, without a reply. */
function endsAt(is: (payload: string) => boolean): Wrong {
  return (right) => ({
    reply(payload, client) {
      if (!is(payload)) return right.reply(payload, client);
      client.hasEnded = true;
      client.socket.end();
      return null;
    },
  });
}

/** It replies twice to some requests. */
function repliesTwice(is: (payload: string) => boolean): Wrong {
  return (right) => ({
    reply(payload, client) {
      if (is(payload)) right.send(client, 'NOTFOUND ', none);
      return right.reply(payload, client);
    },
  });
}

const none: World = { clients: [], isBlocked: false, stoppedAt: null, go() {}, destroy() {} };

const forgetsTheRest: Wrong = (right) => ({ cut: (bytes) => withRest(right.cut(bytes), '') });
const readsPackets: Wrong = (right) => ({
  cut: (bytes) => (right.cut(bytes) === 'more' ? 'broken' : right.cut(bytes)),
});
const cutsAtCommas: Wrong = (right) => ({
  cut(bytes) {
    const [all, payload] = /^\d+:([^,]*),/.exec(bytes) ?? [];
    return all === undefined ? right.cut(bytes) : { payload: payload as string, rest: bytes.slice(all.length) };
  },
});
const ignoresTheComma: Wrong = (right) => ({
  cut(bytes) {
    const [head, digits] = /^(\d+):/.exec(bytes) ?? [];
    const end = (head?.length ?? 0) + Number(digits);
    if (head === undefined || bytes.length <= end) return right.cut(bytes);
    return { payload: bytes.slice(head.length, end), rest: bytes.slice(end + 1) };
  },
});
const hasNoLimit: Wrong = (right) => ({
  cut: (bytes) => (/^\d+(?::x*)?$|^x+$/.test(bytes) ? 'more' : right.cut(bytes)),
});
const servesOneAfterTheOther: Wrong = () => ({
  accepted({ socket }, { clients }) {
    const first = clients[0]?.socket;
    if (first === undefined || first === socket) return;
    socket.pause();
    first.once('close', () => socket.resume());
  },
});
const answersTheUnfinished: Wrong = (right) => ({
  ended(client) {
    if (client.bytes !== '') right.send(client, 'NOTFOUND ', none);
    right.ended(client);
  },
});

function withRest(cut: Cut, rest: string): Cut {
  return typeof cut === 'string' ? cut : { ...cut, rest };
}

const isUnfinished = (client: Client): boolean => client.bytes !== '';
const isNoUtf8 = (payload: string): boolean => payload.includes('\xfc');

/** Each rule, and a server that does not keep it. */
export const WRONG: Readonly<Record<string, Wrong>> = {
  'framing/reply/1': repliesTwice(() => true),
  'framing/silence/1': (right) => ({ accepted: (client) => right.send(client, 'OK ready', none) }),
  'framing/split/1': readsPackets,
  'framing/split/2': readsPackets,
  'framing/split/3': forgetsTheRest,
  'framing/length/1': lenient((bytes) => Buffer.from(bytes, 'latin1').toString()),
  'framing/length/2': lenient((bytes) => bytes.replace(/^0+/, '')),
  'framing/length/3': lenient((bytes) => bytes.replace(/^(\d+)x/, '$1')),
  'framing/length/4': lenient((bytes) => bytes.replace(/^-/, '')),
  'framing/length/5': lenient((bytes) => bytes.replace(/^[+ ]/, '')),
  'framing/length/6': lenient((bytes) => bytes.replace(/^:([^,]*),/, (_, key: string) => `${key.length}:${key},`)),
  'framing/length/7': ignoresTheComma,
  'framing/length/8': cutsAtCommas,
  'framing/length/9': lenient((bytes) => bytes.replace(/^\d{6,}/, (digits) => String(BigInt(digits) % 2n ** 32n))),
  'framing/comma/1': ignoresTheComma,
  'framing/pause/1': () => ({
    read(client, bytes) {
      setTimeout(() => isUnfinished(client) && client.socket.destroy(), 300);
      return bytes;
    },
  }),
  'framing/line/1': lenient((bytes) => bytes.replace(/^\d+:(.*),$/, '$1\n')),
  'request/blank/1': replies(/^[^ ]+$/, 'NOTFOUND '),
  'request/blank/2': replies(/^[^ ]+$/, null),
  'request/blank/3': replies(/^[^ ]+$/, 'PERM no key'),
  'request/empty/1': replies(/^$/, 'OK '),
  'request/key/1': replies(/^mailbox $/, null),
  'request/key/2': (right) => ({
    reply: (payload, client) => right.reply(payload.split(' ').slice(0, 2).join(' '), client),
  }),
  'request/key/3': (right) => ({ reply: (payload, client) => right.reply(payload.split('\0')[0] as string, client) }),
  'request/key/4': endsAt((payload) => /[^\0-\x7f]/.test(payload)),
  'request/key/5': replies(/\xfc/, null),
  'request/key/6': endsAt(isNoUtf8),
  'request/key/7': repliesTwice((payload) => payload.includes(',')),
  'request/key/8': repliesTwice((payload) => payload.includes('\n')),
  'request/map/1': replies(/no-such-map/, 'NOTFOUND '),
  'request/map/2': endsAt((payload) => payload.includes('no-such-map')),
  'reply/word/1': says((reply) => reply.toLowerCase()),
  'reply/ok/1': says((reply) => reply.replace(/^OK .*/, 'OK')),
  'reply/ok/2': says((reply) => reply.replace(/^OK .*/, 'OK ')),
  'reply/notfound/1': says((reply) => reply.replace('NOTFOUND ', 'PERM no such user')),
  'reply/notfound/2': says((reply) => reply.trimEnd()),
  'size/key/1': endsAt(({ length }) => length > 256),
  'size/key/2': endsAt(({ length }) => length > 512),
  'size/request/1': endsAt(({ length }) => length > 4_096),
  'size/length/1': hasNoLimit,
  'size/length/2': hasNoLimit,
  'size/line/1': hasNoLimit,
  'size/reply/1': says((reply) => reply + 'x'.repeat(100_000)),
  'order/connection/1': (right) => ({
    send(client, reply, world) {
      right.send(client, reply, world);
      if (client.replies > 3) client.socket.end();
    },
  }),
  'order/pipeline/1': forgetsTheRest,
  'order/pipeline/2': () => ({ read: (_, bytes) => bytes.slice(0, 1_024) }),
  'close/half/1': (right) => ({
    send: (client, reply, world) => void setTimeout(() => right.send(client, reply, world), 50),
    ended: ({ socket }) => socket.destroy(),
  }),
  'close/half/2': () => ({ ended() {} }),
  'close/half/3': forgetsTheRest,
  'close/half/4': answersTheUnfinished,
  'close/half/5': (right) => ({
    ended(client) {
      right.send(client, 'TEMP goodbye', none);
      right.ended(client);
    },
  }),
  'close/drop/1': () => ({ failed: (world) => world.destroy() }),
  'error/end/1': () => ({ broken() {} }),
  'error/end/2': (right) => ({ broken: (client) => right.send(client, `OK ${KNOWN}`, none) }),
  'error/end/3': (right) => ({
    broken(client) {
      right.send(client, 'TEMP broken', none);
      right.broken(client);
    },
  }),
  'error/word/1': (right) => ({
    broken(client) {
      right.send(client, 'PERM broken', none);
      client.socket.end();
    },
  }),
  'error/before/1': (right) => ({ cut: (bytes) => (bytes.includes('5x:') ? 'broken' : right.cut(bytes)) }),
  'clients/silent/1': servesOneAfterTheOther,
  'clients/unfinished/1': servesOneAfterTheOther,
  'clients/unread/1': (right) => ({
    send(client, reply, world) {
      right.send(client, reply, world);
      world.isBlocked ||= client.socket.writableNeedDrain;
    },
  }),
  'clients/own/1': (right) => ({
    send(client, reply, world) {
      const at = world.clients.indexOf(client);
      right.send(world.clients[(at + 1) % world.clients.length] ?? client, reply, world);
    },
  }),
  'clients/many/1': () => ({ accepted: ({ socket }, { clients }) => void (clients.length > 50 && socket.destroy()) }),
  'clients/idle/1': () => ({ accepted: ({ socket }) => void socket.setTimeout(100, () => socket.end()) }),
  'late/answer/1': () => ({ resumed: (world) => world.go() }),
  'late/next/1': () => ({
    resumed(world) {
      world.isBlocked = true;
    },
  }),
  'late/order/1': forgetsTheRest,
};
