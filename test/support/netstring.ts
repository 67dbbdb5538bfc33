import { createRequire } from 'node:module';

/**
 * The npm package `netstring`: a second codec, written by others. It loads through a private API of Node
 * (`process.binding`), so only tests may use it. It does not check the comma and has no limit, so it is only for
 * correct netstrings.
 */
const second = createRequire(import.meta.url)('netstring') as {
  nsWrite(payload: Buffer): Buffer;
  nsPayload(frame: Buffer): Buffer | -1;
  nsLength(frame: Buffer): number;
};

export function frame(payload: string | Buffer): Buffer {
  return second.nsWrite(Buffer.from(payload as string));
}

/** All payloads of a stream of whole frames. */
export function payloads(stream: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let rest = stream; rest.length > 0;) {
    const payload = second.nsPayload(rest);
    if (payload === -1) throw new Error(`no whole frame: ${rest.toString('latin1')}`);
    found.push(payload);
    rest = rest.subarray(String(payload.length).length + 1 + payload.length + 1);
  }
  return found;
}
