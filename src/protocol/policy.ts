/**
 * Postfix's policy delegation, which asks with lines `name=value` and an empty line (SMTPD_POLICY_README). The attribute
 * `policy_context` names the map; without it, that is `mailbox`.
 */
import type { Asked, Reply, Request } from '../vocabulary.ts';
import type { Decoder, Framing } from './framing.ts';
import { FramingError } from './netstring.ts';
import { type Payload, readableOf, textOf } from './payload.ts';

/** What Postfix is told. */
export interface PolicyOptions {
  /** Whether a recipient that is absent is refused here. Else that is left to the tables of Postfix. */
  readonly rejectsAbsent: boolean;
  /** Code, enhanced code and text for a mailbox that is over quota. */
  readonly overquota: string;
}

export const POLICY: PolicyOptions = { rejectsAbsent: false, overquota: '452 4.2.2 Mailbox full' };

const USUAL_MAP = 'mailbox';
const END = '\n\n';

/** Nothing to decide: Postfix goes on to its next restriction. */
const DUNNO = 'DUNNO';
const DEFER = 'DEFER_IF_PERMIT 4.3.0 Temporary lookup failure';
const REJECT = '550 5.1.1 User unknown';

/**
 * How the requests and replies of the policy protocol are framed, on one connection. `options` are asked for with each
 * reply: Postfix keeps its connections over a reload. `refuses`: whether NOTFOUND of the map of a request says that a
 * mailbox is absent. If not, an absence is a doubt where this listener would refuse it.
 */
export function policyFraming(
  options: () => PolicyOptions,
  refuses: (request: Request) => boolean = () => true,
): Framing {
  let last: Request | null = null; // the next one is parsed only after the reply to this one
  const actionFor = (reply: Reply): string => {
    const { rejectsAbsent, overquota } = options();
    if ('why' in reply && reply.why === 'overquota') return overquota;
    if (reply.kind === 'OK') return DUNNO;
    if (reply.kind !== 'NOTFOUND') return DEFER;
    if (!rejectsAbsent || reply.why === 'no_address') return DUNNO; // what is no address to us may be one to Postfix
    return last !== null && refuses(last) ? REJECT : DEFER;
  };
  return {
    decoder: (maxBytes) => new PolicyDecoder(maxBytes),
    encode: (payload) => payload,
    patient: false,
    parse(payload, asked) {
      const parsed = parsePolicy(payload, asked);
      last = parsed === null || 'kind' in parsed ? null : parsed;
      return parsed;
    },
    respond: (reply) => `action=${actionFor(reply)}${END}`,
  };
}

/** Cuts a byte stream into requests without the empty lines at their ends. */
class PolicyDecoder implements Decoder {
  readonly #maxBytes: number;
  #text = ''; // a character is a byte

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get unfinished(): boolean {
    return this.#text !== '';
  }

  push(chunk: Buffer, length = chunk.length): void {
    this.#text += chunk.toString('latin1', 0, length);
  }

  keep(): void {}

  next(): Payload | null {
    const end = this.#text.indexOf(END);
    const begun = this.#text.length - (this.#text.endsWith('\n') ? 1 : 0); // the line feed may be half of an end
    if ((end === -1 ? begun : end) > this.#maxBytes) {
      throw new FramingError(`a policy request is over ${this.#maxBytes} bytes`);
    }
    if (end === -1) return null;
    const payload = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + END.length);
    return payload;
  }
}

/** Nothing that a map could decide. */
const UNASKED: Reply = { kind: 'OK', value: '' };

/** The recipient of a request as the key. OK without a map if Postfix asks at another time. Null: it is not a request. */
function parsePolicy(payload: Payload, asked?: Asked): Request | Reply | null {
  const attributes = new Map<string, Payload>();
  for (const line of payload.split('\n')) {
    const at = line.indexOf('=');
    const name = line.slice(0, at);
    if (at < 1 || attributes.has(name)) return null; // Postfix names each once; what a stranger says may have a line feed
    attributes.set(name, line.slice(at + 1));
  }
  const state = attributes.get('protocol_state');
  if (attributes.get('request') !== 'smtpd_access_policy' || state === undefined) return null;
  const recipient = attributes.get('recipient') ?? '';
  if (state !== 'RCPT' || recipient === '') return UNASKED;
  const client = readableOf(attributes.get('client_address') ?? '');
  const context = readableOf(attributes.get('policy_context') ?? '');
  return {
    map: context === '' ? USUAL_MAP : context,
    key: textOf(recipient),
    asked: asked === undefined || client === '' ? asked : { ...asked, client },
  };
}
