import type { Bench } from '../bench.ts';
import { type Case, Failure, MUST, SHOULD } from '../case.ts';
import { legal, neither, shouldBe } from '../expect.ts';
import { isRefused } from './framing.ts';

/** A key that is strange, behind the name of the map. */
function strange(key: string): (bench: Bench) => string {
  return ({ settings: { map } }) => `${map} ${key}`;
}

const NOT_UTF_8 = 'j\xfcrgen\xc3@example.invalid';
const LIKE_A_FRAME = '3:x:y,0:,@example.invalid';

/** The known key with something behind it does not get the reply to the known key. */
function isNotKnown(behind: string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bench.frame(bench.known.payload));
    const known = await wire.reply();
    bench.known.check(known);
    wire.send(bench.frame(`${bench.known.payload}${behind}`));
    const [reply] = await wire.repliesThatCome(1);
    if (reply === known) throw new Failure('the reply is that to the key without its end');
  };
}

/** A request is answered, and the next one on the same connection is, too. */
function goesOn(payloadOf: (bench: Bench) => string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bench.frame(payloadOf(bench)));
    legal(await wire.reply());
    await bench.ask(wire, bench.any);
    await bench.nothingElse(wire, bench.pair[1]);
  };
}

/** A request gets one reply, or the end of the connection. */
function isOne(payloadOf: (bench: Bench) => string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bench.frame(payloadOf(bench)));
    const reply = await wire.replyOrEnd();
    if (reply === null) return;
    legal(reply);
    await bench.ask(wire, bench.any);
    await bench.nothingElse(wire, bench.pair[1]);
  };
}

/** A request gets a reply, or the end of the connection. */
function isNotLeft(payloadOf: (bench: Bench) => string): Case['run'] {
  return async (bench) => {
    const wire = await bench.connect();
    wire.send(bench.frame(payloadOf(bench)));
    const reply = await wire.replyOrEnd();
    if (reply !== null) legal(reply);
  };
}

/** What a request says, and what it may say. */
export const REQUEST: readonly Case[] = [
  {
    id: 'request/blank/1',
    on: MUST,
    rule: 'A request without a blank is not answered with OK or NOTFOUND.',
    why: 'A request is "name <space> key" (socketmap_table(5)). Without the blank nobody was asked for.',
    run: isRefused((bench) => bench.frame('smmap-conformance')),
  },
  {
    id: 'request/blank/2',
    on: MUST,
    rule: 'A request without a blank gets a reply or the end of the connection, and the client is not left waiting.',
    why: 'Sendmail would wait 30 s, Postfix 100 s, and OpenSMTPD for ever.',
    run: isNotLeft(() => 'smmap-conformance'),
  },
  {
    id: 'request/blank/3',
    on: SHOULD,
    rule: 'The reply to a request without a blank is TEMP, and the connection goes on.',
    why: 'The framing is whole, so the next request can be read. PERM is 550 in Sendmail (map.c, EX_UNAVAILABLE).',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame('smmap-conformance'));
      shouldBe('TEMP', await wire.reply());
      await bench.ask(wire, bench.any);
    },
  },
  {
    id: 'request/empty/1',
    on: MUST,
    rule: 'An empty request is not answered with OK or NOTFOUND.',
    why: 'A request is "name <space> key" (socketmap_table(5)). An empty one asks for nobody.',
    run: isRefused((bench) => bench.frame('')),
  },
  {
    id: 'request/key/1',
    on: MUST,
    rule: 'An empty key gets a reply or the end of the connection.',
    why: 'A table of Postfix may be asked for "" (postsrsd, issue 141). A client that gets nothing waits 100 s.',
    run: isNotLeft(strange('')),
  },
  {
    id: 'request/key/2',
    on: MUST,
    needs: 'known',
    rule: 'The key is all that follows the first blank.',
    why: 'A quoted local part has blanks. If the rest is dropped, the reply is about another mailbox.',
    run: isNotKnown(' x'),
  },
  {
    id: 'request/key/3',
    on: MUST,
    needs: 'known',
    rule: 'A key does not end at a NUL.',
    why: '"Any string of 8-bit bytes" is a netstring (netstrings). If it is cut at a NUL, the reply is about another mailbox.',
    run: isNotKnown('\0x'),
  },
  {
    id: 'request/key/4',
    on: MUST,
    rule: 'A key in UTF-8 is answered, and so is the next request.',
    why: 'Sendmail and Postfix send such keys, also without SMTPUTF8 (seen with 8.17 and 3.7).',
    run: goesOn(strange('j\xc3\xbcrgen@example.invalid')),
  },
  {
    id: 'request/key/5',
    on: MUST,
    rule: 'A key that is not UTF-8 gets a reply or the end of the connection.',
    why: 'Any SMTP client can send such bytes, and mail servers pass them on.',
    run: isNotLeft(strange(NOT_UTF_8)),
  },
  {
    id: 'request/key/6',
    on: SHOULD,
    rule: 'A key that is not UTF-8 does not end the connection.',
    why: 'Sendmail does not connect again in the same session after a full close: one such RCPT spoils all later ones.',
    run: goesOn(strange(NOT_UTF_8)),
  },
  {
    id: 'request/key/7',
    on: MUST,
    rule: 'A key that looks like frames is one key.',
    why: 'A frame ends where its length says, and not at a comma in it. Keys have commas and colons.',
    run: isOne(strange(LIKE_A_FRAME)),
  },
  {
    id: 'request/key/8',
    on: { netstring: 'MUST' },
    rule: 'A key with a line end is one key.',
    why: '"neither requests nor replies end with CRLF" (op.me): in a netstring a line end is a byte as any other.',
    run: isOne(strange('a\r\nb@example.invalid')),
  },
  {
    id: 'request/map/1',
    on: SHOULD,
    rule: 'A map that the server does not have is answered neither with OK nor with NOTFOUND.',
    why: 'A name that was mistyped refuses all mail if it is NOTFOUND, and accepts all mail if it is OK.',
    run: async (bench) => {
      const wire = await bench.connect();
      wire.send(bench.frame('smmap-conformance-no-such-map fred@example.invalid'));
      for (const reply of await wire.repliesThatCome(1)) neither(reply);
    },
  },
  {
    id: 'request/map/2',
    on: SHOULD,
    rule: 'A map that the server does not have does not end the connection.',
    why: '"If multiple socket maps define the same remote endpoint, they will share a single connection" (op.me).',
    run: goesOn(() => 'smmap-conformance-no-such-map fred@example.invalid'),
  },
];
