import { describe, expect, it } from 'vitest';
import { FramingError } from '../../src/protocol/netstring.ts';
import { POLICY, type PolicyOptions, policyFraming } from '../../src/protocol/policy.ts';
import type { Reply, Request, Why } from '../../src/vocabulary.ts';

const framing = policyFraming(() => POLICY);
const REJECT = '550 5.1.1 User unknown';
const DEFER = 'DEFER_IF_PERMIT 4.3.0 Temporary lookup failure';
const ASKED = { listener: 'policy', arrived: 1 };
const attributes = (more: Readonly<Record<string, string>>): string =>
  Object.entries({ request: 'smtpd_access_policy', protocol_state: 'RCPT', ...more })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
const parse = (more: Readonly<Record<string, string>>): unknown =>
  framing.parse(Buffer.from(attributes(more)).toString('latin1'), ASKED);

describe('a request of the policy protocol', () => {
  it('is cut at its empty line, wherever the pieces end', () => {
    const both = Buffer.from(`${attributes({ recipient: 'a' })}\n\n${attributes({ recipient: 'b' })}\n\n`);
    for (let cut = 0; cut <= both.length; cut++) {
      const decoder = framing.decoder(1_000);
      const payloads: string[] = [];
      for (const piece of [both.subarray(0, cut), both.subarray(cut)]) {
        decoder.push(piece);
        for (let payload = decoder.next(); payload !== null; payload = decoder.next()) payloads.push(payload);
      }
      expect(payloads).toEqual([attributes({ recipient: 'a' }), attributes({ recipient: 'b' })]);
      expect(decoder.unfinished).toBe(false);
    }
  });

  it('may have so many bytes, and no more', () => {
    const decoder = framing.decoder(10);
    decoder.push(Buffer.from('a=45678910\n\n'));
    expect(decoder.next()).toBe('a=45678910');
    decoder.push(Buffer.from('a=4567891011'));
    expect(() => decoder.next()).toThrow(FramingError);
  });

  it('may have so many bytes wherever it is cut, also between the two line feeds at its end', () => {
    const decoder = framing.decoder(10);
    const request = Buffer.from('a=45678910\n\n');
    for (const [at, byte] of request.entries()) {
      decoder.push(Buffer.of(byte));
      expect(decoder.next()).toBe(at === request.length - 1 ? 'a=45678910' : null);
    }
    decoder.push(Buffer.from('a=45678910\nb'));
    expect(() => decoder.next()).toThrow(FramingError);
  });

  it('asks for the recipient in the map of its context', () => {
    expect(parse({ recipient: 'fred=a@example.org', client_address: '192.0.2.1', policy_context: 'people' })).toEqual({
      map: 'people',
      key: 'fred=a@example.org',
      asked: { ...ASKED, client: '192.0.2.1' },
    });
    expect(parse({ recipient: 'jörg@example.org' })).toEqual({ map: 'mailbox', key: 'jörg@example.org', asked: ASKED });
  });

  it('has no key if that is not UTF-8', () => {
    expect(framing.parse(`${attributes({ recipient: 'a' })}\xff`, ASKED)).toMatchObject({ key: null });
  });

  it.each([{ protocol_state: 'DATA', recipient: 'a@b' }, { recipient: '' }, {}])('asks no map: %j', (more) => {
    expect(framing.respond(parse(more) as Reply, 100)).toBe('action=DUNNO\n\n');
  });

  it.each([
    '',
    'x',
    '=x',
    'request=other\nprotocol_state=RCPT\nrecipient=a',
    '5:a b,',
    'request=smtpd_access_policy\nrecipient=a',
    ...[
      'recipient=',
      'protocol_state=DATA',
      'request=smtpd_access_policy',
      'sasl_username=x\nrecipient=fred@example.org',
    ].map((again) => `${attributes({ recipient: 'nobody@example.org', sasl_username: 'joe' })}\n${again}`),
  ])('is not valid: %j', (payload) => {
    expect(framing.parse(payload, ASKED)).toBeNull();
  });
});

describe('the action', () => {
  const full = { rejectsAbsent: false, overquota: '552 5.2.2 Full' };
  const rejecting = { ...POLICY, rejectsAbsent: true };
  it.each<[PolicyOptions, Reply, string]>([
    [POLICY, { kind: 'OK', value: 'x' }, 'DUNNO'],
    [rejecting, { kind: 'OK', value: 'x' }, 'DUNNO'],
    [POLICY, { kind: 'NOTFOUND' }, 'DUNNO'],
    [rejecting, { kind: 'NOTFOUND' }, REJECT],
    [rejecting, { kind: 'NOTFOUND', why: 'disabled' }, REJECT],
    [rejecting, { kind: 'NOTFOUND', why: 'no_address' }, 'DUNNO'],
    [POLICY, { kind: 'TEMP', reason: 'x', why: 'overquota' }, '452 4.2.2 Mailbox full'],
    [full, { kind: 'NOTFOUND', why: 'overquota' }, '552 5.2.2 Full'],
    [rejecting, { kind: 'TEMP', reason: 'x' }, DEFER],
    [rejecting, { kind: 'TIMEOUT', reason: 'x' }, DEFER],
    [rejecting, { kind: 'PERM', reason: 'x', why: 'disabled' }, DEFER],
  ])('%j: %j is %s', (options, reply, action) => {
    expect(actionOf(options, reply)).toBe(action);
  });

  it('is a doubt if the map of the request cannot say that a mailbox is absent', () => {
    const people = ({ map }: Request): boolean => map === 'people';
    const action = (context: string, why?: Why): string =>
      actionOf(rejecting, { kind: 'NOTFOUND', ...(why && { why }) }, { policy_context: context }, people);
    expect([action('people'), action('aliases'), action('aliases', 'disabled')]).toEqual([REJECT, DEFER, DEFER]);
    expect(action('aliases', 'no_address')).toBe('DUNNO');
    expect(actionOf(POLICY, { kind: 'NOTFOUND' }, { policy_context: 'aliases' }, people)).toBe('DUNNO');
  });

  it('is that of the newest configuration, on a connection that is open too', () => {
    let options: PolicyOptions = rejecting;
    const open = policyFraming(() => options);
    const ask = (reply: Reply): string => {
      open.parse(attributes({ recipient: 'a@b' }));
      return open.respond(reply, 100);
    };
    expect(ask({ kind: 'NOTFOUND' })).toContain(REJECT);
    options = full;
    expect(ask({ kind: 'NOTFOUND' })).toContain('DUNNO');
    expect(ask({ kind: 'TEMP', reason: 'x', why: 'overquota' })).toContain('552 5.2.2 Full');
  });
});

/** What Postfix is told after a request. */
function actionOf(
  options: PolicyOptions,
  reply: Reply,
  more: Readonly<Record<string, string>> = {},
  refuses?: (request: Request) => boolean,
): string {
  const asked = policyFraming(() => options, refuses);
  asked.parse(attributes({ recipient: 'a@b', ...more }));
  return /^action=(.*)\n\n$/.exec(asked.respond(reply, 100))?.[1] ?? '';
}
