import { describe, expect, it } from 'vitest';
import { parseLayout } from '../../src/store/driver/maildir/layout.ts';
import { readQuota } from '../../src/store/driver/maildir/quota.ts';

describe('the path of mailboxes', () => {
  it.each([
    ['/var/vmail/{domain}/{local}', '/var/vmail', 2, 1],
    ['/var//vmail/{domain}/users/{local}/Maildir/', '/var/vmail', 4, 1],
    ['/var/vmail/d-{domain}/{local}', '/var/vmail', 2, 1],
    ['/var/vmail/{local}@{domain}', '/var/vmail', 1, null],
    ['/var/vmail/{address}/{domain}/{local}', '/var/vmail', 3, null],
  ])('%s has its root before the first parameter', (text, root, steps, domainSteps) => {
    const layout = parseLayout(text);
    expect(layout).toMatchObject({ root, domainSteps });
    expect('steps' in layout && layout.steps.length).toBe(steps);
  });

  it.each([
    ['var/{domain}/{local}', 'is not an absolute path'],
    ['/var/vmail', 'must have {domain} and {local} in it'],
    ['/home/{local}', 'must have {domain} and {local} in it'],
    ['/{domain}/{local}', 'has no folder before its parameters, such as /var/vmail'],
    ['/var/../{domain}/{local}', 'has a . or .. in it'],
    ['/var/vmail/{domain}/{user}', 'uses {user}, but may use only {local}, {domain}, {address}'],
    ['/var/vmail/{domain}/{local', 'has a single {'],
  ])('%s is refused: it %s', (text, flaw) => {
    expect(parseLayout(text)).toEqual({ flaw });
  });
});

it.each([
  ['1000S\n999 1\n', false],
  ['1000S\n1000 1\n', true],
  ['1000S,2C\n10 1\n10 1\n', true],
  ['1000S,2C\n      10            1\n      10            1\n     -10           -1\n', false],
  ['0S\n1000 1\n', false],
  ['1000S', false],
  ['', null],
  ['1000\n', null],
  ['1000S\nhalf a', null],
])('maildirsize %j: is full %s', (text, isOver) => {
  expect(readQuota(text)).toBe(isOver);
});
