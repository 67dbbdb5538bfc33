import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TARGETS } from '../../fuzz/targets.ts';
import { parseConfig } from '../support/config.ts';
import { openPage } from '../support/page.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].toSorted();
const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };

const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The anchors that a document's headings get on GitHub. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(DOCUMENTS)('%s', (file) => {
  const text = textOf(file);

  it('has no link that leads nowhere', () => {
    for (const [link, target = '', anchor] of text.matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)) {
      const found = target === '' ? file : relative(ROOT, join(ROOT, dirname(file), target));
      expect(existsSync(join(ROOT, found)), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(textOf(found)), link).toContain(anchor);
    }
  });

  it('has no configuration that smmap check refuses', () => {
    for (const [, block = ''] of text.matchAll(/^```toml\n(.*?)^```$/gms)) {
      // The group of a listener has to exist on the machine that reads it.
      expect(() => parseConfig(block.replace(/^group = .*\n/m, ''), file, places), block).not.toThrow();
    }
  });
});

/** Pages with blocks that no test types as a whole, and why. */
const NOT_TYPED = {
  'CONTRIBUTING.md': 'they run the tests',
  'docs/campaign.md': 'it runs for minutes; test/real/campaign.test.ts runs it from within',
  'docs/conformance.md': 'they get and test the servers of others',
  'docs/design.md': 'the way of a request, and a list of folders',
  'docs/fuzzing.md': 'they run for hours, and install a package of npm',
  'docs/protocol.md': 'what goes over the wire',
  'docs/scale.md': 'a drawing, and keys of a configuration',
  'docs/stores/README.md': 'a password file for root, and a key of a configuration',
  'docs/stores/cyrus.md': 'units for systemd',
  'docs/stores/dovecot.md': 'parts of the configuration of Dovecot',
  'docs/stores/ldap.md': 'an entry in LDIF',
  'docs/stores/lmtp.md': 'parts of the configuration of Dovecot and of Cyrus',
  'docs/stores/maildir.md': 'setfacl, which gives the rights',
  'docs/stores/redis.md': 'the keys in Redis',
  'docs/stores/socketmap.md': 'namei -l, which only looks',
};

it('a page with commands is typed by a test, or known', () => {
  const tests = readdirSync(join(ROOT, 'test/real')).map((name) => textOf(join('test/real', name)));
  const taken = (file: string): boolean => tests.some((text) => text.includes(`openPage('${file}')`));
  const untyped = DOCUMENTS.filter((file) => openPage(file).rest().length > 0 && !taken(file));
  expect(untyped).toEqual(Object.keys(NOT_TYPED));
});

it('SECURITY.md names tests that exist', () => {
  const named = [...textOf('SECURITY.md').matchAll(/`((?:unit|contract|wire|config|real)\/[\w./-]+)`/g)];
  expect(named.length).toBeGreaterThan(30);
  expect(named.map(([, name = '']) => name).filter((name) => !existsSync(join(ROOT, 'test', name)))).toEqual([]);
});

describe('a test covers the threat of SECURITY.md', () => {
  const [, threats = ''] = /^## Threats.*?^(\|.*?)^\n/ms.exec(textOf('SECURITY.md')) ?? [];
  const rows = threats
    .split('\n')
    .slice(2, -1)
    .map((row) => row.slice('| '.length).split(' | '));

  it.each(rows)('%s', (_threat, _what, tests = '') => {
    expect(tests).toMatch(/`(?:unit|contract|wire|config|real)\/[^`]+`/);
    const [, fuzzers = ''] = /fuzzers? (.*)$/.exec(tests) ?? [];
    for (const [, name = ''] of fuzzers.matchAll(/`([^`]+)`/g)) expect(Object.keys(TARGETS)).toContain(name);
  });
});

it('the messages that docs/operations.md quotes are those of smmap', () => {
  const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => textOf(join('src', name)))
    .join('\n');
  const [, table = ''] = /^## At 3 a\.m\.$(.*?)^#/ms.exec(textOf('docs/operations.md')) ?? [];
  const seen = [...table.matchAll(/^\| (.*?) \|/gm)].map(([, cell = '']) => cell).join('\n');
  const quoted = [...seen.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
  const texts = quoted.filter((text) => !/^(?:systemctl|smmap) /.test(text));
  expect(texts.length).toBeGreaterThan(20);
  expect(texts.filter((text) => text !== 'Found left-over process' && !source.includes(text))).toEqual([]);
});

it('CONTRIBUTING.md shows the driver that a test adds', () => {
  const fileOf = (name: string): string => {
    const text = textOf(`test/support/null/${name}`).replaceAll('../../../src/store/', '../../');
    return `// src/store/driver/null/${name}\n${text.replaceAll('../../../src/', '../../../')}`;
  };
  expect(textOf('CONTRIBUTING.md')).toContain(`\`\`\`ts\n${fileOf('keys.ts')}\n${fileOf('driver.ts')}\`\`\`\n`);
});
