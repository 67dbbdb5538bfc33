import { describe, expect, it } from 'vitest';
import type { RecipientOptions } from '../../src/map/recipient-keys.ts';
import { readRecipient } from '../../src/map/recipient.ts';

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
    ['is the default domain if it is a local domain', 'fred@LOCALHOST', OPTIONS, 'example.org'],
    ['is unchanged if it is not a local domain', 'fred@virt1.test', OPTIONS, 'virt1.test'],
    ['is the default domain if any domain is local', 'fred@virt1.test', ANY, 'example.org'],
    ['is the default domain if any domain is local, also for a literal', 'fred@[192.0.2.1]', ANY, 'example.org'],
    ['is the target of an alias domain, even if any other domain is local', 'fred@sales.example', ANY, 'example.net'],
  ])('%s', (_, key, options, domain) => {
    expect(readRecipient(key, options)).toMatchObject({ local: 'fred', domain });
  });
});
