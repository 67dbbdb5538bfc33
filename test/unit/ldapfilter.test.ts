import { describe, expect, it } from 'vitest';
import { type Filter, parseBase, parseFilter } from '../../src/store/driver/ldap/filter.ts';
import { parseLdapUrl } from '../../src/store/driver/ldap/url.ts';

const address = { parameter: 'address' } as const;

describe('a search filter', () => {
  it.each<[string, string, Filter]>([
    ['an equality', '(mail=:address)', { kind: 'equal', attribute: 'mail', value: [address] }],
    ['blanks around it', ' (mail=:address)\n', { kind: 'equal', attribute: 'mail', value: [address] }],
    ['a colon before a parameter', '(p=smtp::address)', { kind: 'equal', attribute: 'p', value: ['smtp:', address] }],
    [
      'an escaped colon',
      String.raw`(p=\3aaddress:address)`,
      { kind: 'equal', attribute: 'p', value: [':address', address] },
    ],
    [
      'escaped bytes of UTF-8',
      String.raw`(p=jos\c3\a9:address)`,
      { kind: 'equal', attribute: 'p', value: ['jos\u00e9', address] },
    ],
    ['an escaped asterisk', String.raw`(p=\2a:address)`, { kind: 'equal', attribute: 'p', value: ['*', address] }],
    ['an option', '(mail;lang-de=:address)', { kind: 'equal', attribute: 'mail;lang-de', value: [address] }],
    ['a number for an attribute', '(0.9.2342=:address)', { kind: 'equal', attribute: '0.9.2342', value: [address] }],
    [
      'the other comparisons',
      '(|(a>=:address)(b<=1)(c~=x))',
      {
        kind: 'or',
        filters: [
          { kind: 'greater', attribute: 'a', value: [address] },
          { kind: 'less', attribute: 'b', value: ['1'] },
          { kind: 'approximate', attribute: 'c', value: ['x'] },
        ],
      },
    ],
    [
      'blanks between',
      '(& (a=*) (! (b=:address) ) )',
      {
        kind: 'and',
        filters: [
          { kind: 'present', attribute: 'a' },
          { kind: 'not', filter: { kind: 'equal', attribute: 'b', value: [address] } },
        ],
      },
    ],
    ['an asterisk', '(a=*@:address)', { kind: 'substrings', attribute: 'a', pieces: [[], ['@', address]] }],
    ['asterisks', '(a=x*:address*)', { kind: 'substrings', attribute: 'a', pieces: [['x'], [address], []] }],
    [
      'a rule',
      '(u:1.2.840.113556.1.4.803:=:address)',
      {
        kind: 'extensible',
        attribute: 'u',
        dn: false,
        rule: '1.2.840.113556.1.4.803',
        value: [address],
      },
    ],
    [
      'a rule by its name',
      '(cn:caseExactMatch:=:address)',
      {
        kind: 'extensible',
        attribute: 'cn',
        dn: false,
        rule: 'caseExactMatch',
        value: [address],
      },
    ],
    [
      'a rule for names too',
      '(ou:dn:=:address)',
      { kind: 'extensible', attribute: 'ou', dn: true, rule: null, value: [address] },
    ],
    [
      'a rule without an attribute',
      '(:dn:2.5.13.5:=:address)',
      {
        kind: 'extensible',
        attribute: null,
        dn: true,
        rule: '2.5.13.5',
        value: [address],
      },
    ],
  ])('may have %s', (_, text, filter) => {
    expect(parseFilter('mailbox', text)).toEqual(filter);
  });

  it.each([
    ['nothing', '', 'ends where a ( should be'],
    ['no parentheses', 'mail=:address', 'has mail=:address where a ( should be'],
    ['one that is not closed', '(mail=:address', 'ends where a ) should be'],
    ['one too many', '(mail=:address))', 'has text after its last parenthesis: )'],
    ['an inner one that is not closed', '(&(mail=:address)', 'ends where a ) should be'],
    ['an operator without an operand', '(&)', 'has no filter after &'],
    ['a negation of two filters', '(!(a=:address)(b=1))', 'has (b=1)) where a ) should be'],
    ['no comparison', '(mail)', 'has no attribute with a comparison, such as mail=, at mail)'],
    ['no attribute', '(=:address)', 'has no attribute with a comparison, such as mail=, at =:address)'],
    [
      'a blank in an attribute',
      '(ma il=:address)',
      'has no attribute with a comparison, such as mail=, at ma il=:address)',
    ],
    [
      'a parenthesis in a value',
      '(mail=(:address)',
      String.raw`has (:address): in a value write ( as \28, ) as \29 and \ as \5c`,
    ],
    [
      'half an escape',
      String.raw`(mail=\2:address)`,
      String.raw`has \2:address): in a value write ( as \28, ) as \29 and \ as \5c`,
    ],
    ['bytes that are not UTF-8', String.raw`(mail=\e9:address)`, String.raw`has \e9, which is not UTF-8`],
    ['a parameter of another question', '(mail=:key)', 'uses :key, but may use only :local, :domain, :address'],
    ['a mistyped parameter', '(mail=:adress)', 'uses :adress, but may use only :local, :domain, :address'],
    ['no parameter', '(mail=x)', 'has no parameter such as :local, so the answer would always be the same'],
    [
      'a parameter for an attribute only',
      '(:local=x)',
      'has no attribute with a comparison, such as mail=, at :local=x)',
    ],
    ['two asterisks', '(mail=a**:address)', 'has two asterisks side by side'],
    ['an asterisk in a comparison', '(mail>=a*:address)', 'has an asterisk after >='],
    ['an asterisk after a rule', '(cn:x:=a*:address)', 'has an asterisk after :='],
    ['very many parentheses', `${'(!'.repeat(60)}(a=:address)${')'.repeat(60)}`, 'has over 50 nested parentheses'],
  ])('has a flaw with %s', (_, text, flaw) => {
    expect(parseFilter('mailbox', text)).toEqual({ flaw });
  });

  it('has the parameters of its question', () => {
    expect(parseFilter('key', '(&(t=:table)(k=:key))')).toMatchObject({ kind: 'and' });
    expect(parseFilter('folder', '(f=:detail)')).toMatchObject({ kind: 'equal' });
    expect(parseFilter('domain', '(d=:local)')).toEqual({ flaw: 'uses :local, but may use only :domain' });
  });
});

describe('a search base', () => {
  it.each(['', 'dc=example,dc=org', 'ou=a b,dc=example', String.raw`cn=a\,b,dc=x`, '2.5.4.3=x,dc=y'])(
    'may be %j',
    (text) => {
      expect(parseBase(text)).toBe(text);
    },
  );

  it('has no parameters', () => {
    expect(parseBase('ou=:domain,dc=x')).toEqual({ flaw: 'has the parameter :domain, which only a filter may have' });
    expect(parseBase('example.org')).toEqual({ flaw: 'is not a distinguished name' });
  });
});

describe('the URL of a directory', () => {
  const tcp = { secure: false, path: null };
  it.each<[string, object]>([
    ['ldap://ldap.example', { ...tcp, host: 'ldap.example', port: 389 }],
    ['ldap://127.0.0.1:1389/', { ...tcp, host: '127.0.0.1', port: 1389 }],
    ['LDAPS://[::1]', { secure: true, path: null, host: '::1', port: 636 }],
    ['ldapi://%2Frun%2Fslapd%2Fldapi/', { secure: false, path: '/run/slapd/ldapi', host: 'localhost', port: 0 }],
    ['ldapi:///run/slapd/ldapi', { secure: false, path: '/run/slapd/ldapi', host: 'localhost', port: 0 }],
  ])('may be %s', (text, place) => {
    expect(parseLdapUrl(text)).toEqual(place);
  });

  it.each([
    '',
    'ldap://',
    'http://x',
    'ldap://a/dc=x',
    'ldap://u:p@host',
    'ldap://a b',
    'ldapi://',
    'ldapi://%2',
    'ldapi://%2Fa%',
  ])('may not be %j', (text) => {
    expect(parseLdapUrl(text)).toHaveProperty('flaw');
  });
});
