import { expect, it } from 'vitest';
import { markdownPage } from '../../packaging/manual/markdown.ts';

/** What comes of a text, without the head and the end of the page. */
function made(markdown: string): string {
  const page = markdownPage('name', `# Title\n\n${markdown}\n`, 'what it is', '2026-11-26', '1.0.0');
  return page.replace(/^[^]*\\- what it is\n/, '').replace(/\.SH SEE ALSO\n[^]*$/, '');
}

it.each([
  ['a paragraph', 'One\ntwo.', '.SH DESCRIPTION\n.PP\nOne two.\n'],
  ['headings of two levels', '## One\n\n### Two', '.SH "One"\n.SS "Two"\n'],
  ['what is marked', '## A\n\n`a` **b** *c* [d](e.md)', '.SH "A"\n.PP\n\\fBa\\fR \\fBb\\fR \\fIc\\fR d\n'],
  ['a star that marks nothing', '## A\n\n2 * 3 and `*`', '.SH "A"\n.PP\n2 * 3 and \\fB*\\fR\n'],
  ['a list', '## A\n\n- one\n  more\n- two', '.SH "A"\n.IP \\(bu 2\none more\n.IP \\(bu 2\ntwo\n'],
  ['what is indented', '## A\n\n    C: 1\n    S: -', '.SH "A"\n.PP\n.RS 4\n.nf\nC: 1\nS: \\-\n.fi\n.RE\n'],
  ['a table of two columns', '## A\n\n| a | b |\n|---|---|\n| c | d |', '.SH "A"\n.TP\nc\nd\n'],
  ['a table of more', '## A\n\n| | x | y |\n|---|---|---|\n| c | d | e |', '.SH "A"\n.TP\nc\nx: d\n.br\ny: e\n'],
])('%s', (_, markdown, roff) => {
  expect(made(markdown)).toBe(roff);
});
