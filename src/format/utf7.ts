/** Decodes modified UTF-7 (RFC 3501, section 5.1.3). Null if it is not valid, or not in its canonical spelling. */
export function fromImapUtf7(text: string): string | null {
  if (!text.includes('&')) return text;
  const decoded = text.replace(/&([A-Za-z0-9+,]*)-/g, (_, code: string) =>
    code === '' ? '&' : swapped(Buffer.from(code.replaceAll(',', '/'), 'base64')).toString('utf16le'),
  );
  return toImapUtf7(decoded) === text && !/\p{Surrogate}/u.test(decoded) ? decoded : null;
}

function toImapUtf7(text: string): string {
  return text.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === '&') return '&-';
    const code = swapped(Buffer.from(run, 'utf16le')).toString('base64').replace(/=+$/, '');
    return `&${code.replaceAll('/', ',')}-`;
  });
}

/** Big endian for little endian; an odd byte at the end is dropped, and so shows when it is spelt anew. */
function swapped(units: Buffer): Buffer {
  return units.subarray(0, units.length & ~1).swap16();
}
