import { expect, test } from 'vitest';
import { blocksOf, openPage } from '../support/page.ts';

const PAGE = `# Title

Text.
    Not a block, since it continues the text.

    one

    two

## Section

1. An item
   of two lines:

       three
         four

   and its end.

\`\`\`sh
five
\`\`\`

\`\`\`toml
six = 6
\`\`\`

    seven
`;

test('blocks are what is indented by four, more in a list, and what stands between fences', () => {
  expect(blocksOf(PAGE)).toEqual([
    { section: 'Title', language: '', text: 'one\n\ntwo\n' },
    { section: 'Section', language: '', text: 'three\n  four\n' },
    { section: 'Section', language: 'sh', text: 'five\n' },
    { section: 'Section', language: 'toml', text: 'six = 6\n' },
    { section: 'Section', language: '', text: 'seven\n' },
  ]);
});

test('a page knows which blocks nobody took', () => {
  const page = openPage('docs/install.md');
  const all = page.rest();
  expect(page.take('Upgrade')).toBe('systemctl restart smmap\n');
  expect(page.rest()).toEqual(all.filter((line) => line !== 'systemctl restart smmap'));
  expect(() => page.take('Upgrade', 1)).toThrow('docs/install.md has no block 1 of this language in "Upgrade"');
});
