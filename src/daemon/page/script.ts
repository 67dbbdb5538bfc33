/**
 * Renews the page every five seconds, while somebody sees it and has selected nothing in it. It fetches the page itself and
 * exchanges the parts that changed, except the form, in which somebody may be typing.
 */
export const SCRIPT = `'use strict';
(() => {
  const old = document.getElementById('old');
  const scrolled = '.scroll[id]';
  const exchange = (part, next) => {
    if (next === null || part.innerHTML === next.innerHTML) return;
    const lefts = [...part.querySelectorAll(scrolled)].map(({ id, scrollLeft }) => [id, scrollLeft]);
    const focused = part.contains(document.activeElement) ? document.activeElement.id : '';
    part.replaceWith(document.adoptNode(next));
    for (const [id, left] of lefts) {
      const region = document.getElementById(id);
      if (region !== null) region.scrollLeft = left;
    }
    if (focused !== '') document.getElementById(focused)?.focus({ preventScroll: true });
  };
  let last = new Date();
  const renew = async () => {
    if (document.hidden || !getSelection().isCollapsed) return;
    try {
      const answer = await fetch(location.pathname, { cache: 'no-store', signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error('it says ' + answer.status);
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const part of document.querySelectorAll('#top, main > section:not(#explain)')) {
        exchange(part, next.getElementById(part.id));
      }
      document.title = next.title;
      last = new Date();
      old.textContent = '';
    } catch {
      old.textContent = 'smmap does not answer. This page is of ' + last.toISOString().slice(11, 19) + '.';
    }
  };
  const again = () => setTimeout(() => renew().finally(again), 5000);
  again();
  document.addEventListener('visibilitychange', () => void renew());
})();
`;
