import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HASH, createCipher } from '../../src/observe/cipher.ts';
import { newSecret, openSecret, readSecret } from '../../src/observe/secret.ts';
import { temporaryFolders } from '../support/folder.ts';

const folders = temporaryFolders();

describe('the secret of the log', () => {
  it('is made once, and only its owner can read it', () => {
    const root = folders();
    const file = join(root, 'state', 'log-secret');
    expect(() => openSecret(file)).toThrow('ENOENT'); // nobody makes its folder here: an embedded store may be in it
    mkdirSync(dirname(file));
    const secret = openSecret(file);
    expect(secret).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(openSecret(file).equals(secret)).toBe(true);
    expect(readSecret(file).equals(secret)).toBe(true);
    expect(readdirSync(join(root, 'state'))).toEqual(['log-secret']);
  });

  it('is not replaced if the file holds something else', () => {
    const file = join(folders(), 'log-secret');
    writeFileSync(file, 'precious');
    expect(() => openSecret(file)).toThrow(/is not a secret of smmap/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  it('belongs to the owner of its folder if root makes it', ({ skip }) => {
    if (process.getuid?.() !== 0) skip('not root');
    const state = join(folders(), 'state');
    mkdirSync(state);
    chmodSync(state, 0o750);
    expect(openSecret(join(state, 'log-secret'))).toHaveLength(32);
    expect(statSync(join(state, 'log-secret')).uid).toBe(statSync(state).uid);
  });
});

describe('a hash', () => {
  const cipher = createCipher(newSecret());

  it('is the same for the same text, and only its secret reveals it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const hash = cipher.hide(text);
        expect(hash.match(HASH)).toEqual([hash]);
        expect(cipher.hide(text)).toBe(hash);
        expect(cipher.reveal(hash)).toBe(text.toWellFormed());
        expect(createCipher(newSecret()).reveal(hash)).toBeNull();
        expect(cipher.reveal(hash.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')).slice(0, -4))).toBeNull();
      }),
    );
  });

  it('tells little about the length of the text', () => {
    expect(cipher.hide('a@example.org')).toHaveLength(cipher.hide('an@example.org').length);
  });

  it.each(['', 'hash:', 'hash:AAAA', `hash:${'A'.repeat(43)}`, 'fred@example.org'])('%s is none', (text) => {
    expect(cipher.reveal(text)).toBeNull();
  });
});
