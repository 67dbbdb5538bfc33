import { describe, expect, it } from 'vitest';
import { readRecipient } from '../../src/map/recipient.ts';
import type { RecipientOptions } from '../../src/map/recipient-keys.ts';

const OPTIONS: RecipientOptions = {
  defaultDomain: 'example.org',
  localDomains: new Set(['localhost']),
  aliasDomains: new Map([['sales.example', 'example.net']]),
  separators: ['+'],
  fold: 'both',
};
const ANY: RecipientOptions = { ...OPTIONS, localDomains: new Set(['*']) };

describe('the domain of a key', () => {
  it.each([
    ['is the default domain without one', 'fred', OPTIONS, 'example.org'],
    ['is the default domain where it is a local one', 'fred@LOCALHOST', OPTIONS, 'example.org'],
    ['is its own where it is no local one', 'fred@virt1.test', OPTIONS, 'virt1.test'],
    ['is the default domain where any is local', 'fred@virt1.test', ANY, 'example.org'],
    ['is the default domain where any is local, also of a literal', 'fred@[192.0.2.1]', ANY, 'example.org'],
    ['is that for which it stands where any other is local', 'fred@sales.example', ANY, 'example.net'],
  ])('%s', (_, key, options, domain) => {
    expect(readRecipient(key, options)).toMatchObject({ local: 'fred', domain });
  });
});
