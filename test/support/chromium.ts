import { existsSync } from 'node:fs';
import { chromium as playwright } from 'playwright-core';
import type { Missing } from '../real/part.ts';

const PROGRAM = '/usr/bin/chromium';

/** The browser that the tests of the status page need. */
export const chromium: { readonly program: string } | Missing = existsSync(PROGRAM)
  ? { program: PROGRAM }
  : { name: 'Chromium', missing: `no ${PROGRAM}: install the package chromium` };

/** Starts it without a window, with a profile of its own, and without the requests that it makes for itself. */
export function launch({ program }: { readonly program: string }) {
  return playwright.launch({
    executablePath: program,
    args: [
      '--no-sandbox', // it refuses to run as root otherwise
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
