import { createHash } from 'node:crypto';
import { explainOf } from './explain-form.ts';
import { type Html, html } from './html.ts';
import { cachesOf, changesOf, declinedOf, listenersOf, mapsOf } from './lists.ts';
import { judge, nowOf, topOf } from './now.ts';
import { SCRIPT } from './script.ts';
import type { Seen } from './seen.ts';
import { storesOf } from './stores.ts';
import { STYLE } from './style.ts';

/** The longest page, with its style and its script. */
export const MOST_BYTES = 60_000;

/** How long the lists are: the first that makes the page short enough. */
const LENGTHS = [25, 20, 15, 10, 5, 2, 1] as const;

/** Nothing but what stands in the page itself is loaded, run or asked, and no other page may hold it in a frame. */
export const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  'img-src data:', // the empty icon
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Writes the page. If it would be too long, its lists are cut, and say so. */
export function writePage(seen: Seen): string {
  let text = '';
  for (const most of LENGTHS) {
    text = `<!doctype html>\n${bodyOf(seen, most).toString()}`;
    if (Buffer.byteLength(text) + STYLE.length + SCRIPT.length <= MOST_BYTES) break;
  }
  return text
    .replace('<style></style>', () => `<style>${STYLE}</style>`)
    .replace('<script></script>', () => `<script>${SCRIPT}</script>`);
}

function bodyOf(seen: Seen, most: number): Html {
  return html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width,initial-scale=1" />
      <title>smmap: ${judge(seen).words}</title>
      <link rel="icon" href="data:," />
      <style></style>
    </head>
    <body>
      ${topOf(seen, most)}
      <main>
        <p id="old" role="status"></p>
        ${nowOf(seen)} ${storesOf(seen, most)} ${declinedOf(seen, most)} ${changesOf(seen, most)} ${mapsOf(seen, most)}
        ${listenersOf(seen, most)} ${cachesOf(seen, most)} ${explainOf(seen, most)}
      </main>
      <footer>
        <noscript><p>Without script this page does not renew itself: reload it.</p></noscript>
        <p>
          Read-only. The same numbers: <a href="/metrics">/metrics</a>, <a href="/health">/health</a>,
          <a href="/ready">/ready</a>, <a href="/status.json">/status.json</a>.
        </p>
      </footer>
      <script></script>
    </body>
  </html> `;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
