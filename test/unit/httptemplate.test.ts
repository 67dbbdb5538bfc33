import { describe, expect, it } from 'vitest';
import { parseTemplate, targetOf } from '../../src/store/driver/http/template.ts';
import { QuestionError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';

const question = (local: string, folder: string | null = null): Question => ({
  about: 'mailbox',
  local,
  domain: 'example.org',
  exact: false,
  folder,
  anyCase: false,
});

function target(url: string, asked: Question, encoding: 'once' | 'twice' = 'once', answered?: unknown): string {
  const template = parseTemplate('mailbox', url);
  if ('flaw' in template) throw new Error(template.flaw);
  return targetOf(template, asked, encoding, answered);
}

describe('the URL of a request', () => {
  it.each<[string, object]>([
    [
      'http://127.0.0.1:8080/mailbox/:address',
      { host: '127.0.0.1', port: 8080, parts: ['/mailbox/', ''], parameters: ['address'] },
    ],
    ['https://api.example?a=:local&d=:domain', { secure: true, port: 443, parts: ['/?a=', '&d=', ''] }],
    ['http://[::1]:81', { host: '::1', port: 81, parts: ['/'], parameters: [] }],
    ['HTTP://localhost/', { secure: false, host: 'localhost', port: 80 }],
    ['http+unix://%2Frun%2Fapi.sock/m/:address', { socket: '/run/api.sock', parts: ['/m/', ''] }],
    ['http://h/a%3Alocal', { parts: ['/a%3Alocal'], parameters: [] }],
  ])('may be %s', (text, template) => {
    expect(parseTemplate('mailbox', text)).toMatchObject(template);
  });

  it.each([
    ['ftp://h/', 'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name'],
    ['http://', 'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name'],
    [
      'http://user:secret@h/',
      'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name',
    ],
    ['http://:domain/', 'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name'],
    ['http://h:port/', 'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name'],
    [
      'http+unix:///run/x',
      'is not of the form http://HOST/, https://HOST/ or http+unix://%2FPATH/, without a user name',
    ],
    ['http+unix://%2Fx%/', 'has an invalid percent-encoding'],
    ['http://h/a b', 'has a character that must be percent-encoded'],
    ['http://h/\u00e9', 'has a character that must be percent-encoded'],
    ['http://h/#:local', 'has a #, but the text after it is never sent'],
    ['http://h/:key', 'uses :key, but may use only :local, :domain, :address'],
    ['http://h/?a=:adress', 'uses :adress, but may use only :local, :domain, :address'],
  ])('may not be %s', (text, flaw) => {
    expect(parseTemplate('mailbox', text)).toMatchObject({ flaw });
  });

  it.each([
    ['a b', '/q?a=a%20b'],
    ['a&b=c', '/q?a=a%26b%3Dc'],
    ['50%', '/q?a=50%25'],
    ["!'()*", '/q?a=%21%27%28%29%2A'],
    ['jos\u00e9', '/q?a=jos%C3%A9'],
    ['a/b', '/q?a=a%2Fb'],
    ['..', '/q?a=..'],
    ['', '/q?a='],
    [':domain', '/q?a=%3Adomain'],
    ['a\r\nHost: x', '/q?a=a%0D%0AHost%3A%20x'],
  ])('escapes %j in a query', (local, path) => {
    expect(target('http://h/q?a=:local', question(local))).toBe(path);
  });

  it.each([['..'], ['.'], [''], ['a/b'], ['../x'], [String.raw`a\b`]])(
    'cannot have the segment %j in its path',
    (local) => {
      expect(() => target('http://h/q/:local', question(local))).toThrow(QuestionError);
      expect(() => target('http://h/q/:local/end?x=:domain', question(local))).toThrow(QuestionError);
    },
  );

  it.each([
    ['a+b', '/q/a%252Bb%2540example.org'],
    ['a&b', '/q/a%2526b%2540example.org'],
    ['a#b', '/q/a%2523b%2540example.org'],
    ['50%', '/q/50%2525%2540example.org'],
  ])('encodes %j twice where the server decodes twice', (local, path) => {
    expect(target('http://h/q/:address', question(local), 'twice')).toBe(path);
  });

  it('may have a field of the response before', () => {
    const answered = { id: 'a b', in: { id: 7 }, slash: 'a/b', dots: '..', empty: '', list: ['x', 'y'] };
    expect(target('http://h/u/{id}', question('x'), 'once', answered)).toBe('/u/a%20b');
    expect(target('http://h/u/{in.id}?a=:local', question('{id}'), 'once', answered)).toBe('/u/7?a=%7Bid%7D');
    for (const path of ['slash', 'dots', 'empty', 'list', 'none']) {
      expect(() => target(`http://h/u/{${path}}`, question('x'), 'once', answered)).toThrow('has no text at');
    }
  });

  it('may have dots in a segment, and a slash at its end if no parameter is there', () => {
    expect(target('http://h/q/:address', question('..'))).toBe('/q/..%40example.org');
    expect(target('http://h/q/?a=:address', question('x'))).toBe('/q/?a=x%40example.org');
  });
});
