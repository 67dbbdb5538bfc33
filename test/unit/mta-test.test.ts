import { describe, expect, it } from 'vitest';
import { judge, runInShell, runTests, testsFor } from '../../src/cli/mta-test.ts';

const SWAKS = (reply: string): string =>
  `=== Connected\n<-  250 PIPELINING\n -> RCPT TO:<a@b.example>\n<${reply}\n -> QUIT\n`;

describe('a test of a printout', () => {
  it.each([
    ['prints what it should', { code: 2, output: 'x: failed to verify' }, 'failed to verify', 'ok'],
    ['is a mail that is accepted', { code: 0, output: SWAKS('-  250 2.1.5 Ok') }, '250', 'ok'],
    ['is a mail that is refused', { code: 24, output: SWAKS('** 550 5.1.1 User unknown') }, '550 5.1.1', 'ok'],
    ['accepts what it should refuse', { code: 0, output: SWAKS('-  250 2.1.5 Ok') }, '550 5.1.1', 'FAILED'],
    ['refuses what it should accept', { code: 24, output: SWAKS('** 550 5.1.1 User unknown') }, '250', 'FAILED'],
    ['does not connect', { code: 2, output: '*** Error connecting' }, '250', 'FAILED'],
    ['does not print the number', { code: 0, output: 'nothing' }, '5.1.1 User unknown', 'FAILED'],
    ['ends well, with an explanation', { code: 0, output: 'drwxr-xr-x root' }, 'must be able to pass', 'look'],
    ['ends badly, and nobody knows if it should', { code: 1, output: '' }, 'if you have this alias', 'look'],
    ['ends badly', { code: 1, output: '' }, '', 'FAILED'],
    ['ends well', { code: 0, output: '' }, '', 'ok'],
    ['was ended because it took too long', { code: null, output: '' }, '', 'FAILED'],
    ['has a program that is not here', { code: 127, output: 'sh: swaks: not found' }, '250', 'skipped'],
  ] as const)('%s', (_, outcome, expected, verdict) => {
    expect(judge(outcome, expected)).toBe(verdict);
  });

  it.each([
    ['a backtick', 'x`id`@example.org'],
    ['a dollar', '$HOME@example.org'],
    ['a quote', "o'brien@example.org"],
    ['a semicolon', 'x;id@example.org'],
    ['a blank', '"a b"@example.org'],
    ['a hyphen at its begin, as of an option', '-oQ/tmp@example.org'],
    ['a line feed', 'x\nid@example.org'],
    ['no domain', 'fred'],
  ])('is not run with an address that has %s: it would be more than one word of a shell', (_, address) => {
    expect(() => testsFor(address, ['smmap probe fred@example.org'], 'fred@example.org')).toThrow(/^--test .*letters/s);
  });

  it('is run with an address that has letters beyond ASCII', () => {
    expect(testsFor('jürgen.o+x@bücher.example', ['probe fred@example.org'], 'fred@example.org')).toEqual([
      'probe jürgen.o+x@bücher.example',
    ]);
  });

  it('is a command, and the text after its comment is no part of it', async () => {
    const asked: string[] = [];
    const said: string[] = [];
    const run = async (command: string): Promise<{ code: number; output: string }> => {
      asked.push(command);
      return { code: command.startsWith('bad') ? 1 : 0, output: 'one\ntwo\n' };
    };
    const tests = ["echo '# x' | good    # one", 'bad -n', 'namei -l /x    # look at it'];
    expect(await runTests(tests, run, (text) => said.push(text))).toBe(1);
    expect(asked).toEqual(["echo '# x' | good", 'bad -n', 'namei -l /x']);
    expect(said.join('')).toBe(
      `ok      echo '# x' | good\nFAILED  bad -n\n        one\n        two\nlook    namei -l /x    # look at it\n        one\n        two\n`,
    );
  });

  it('is unavailable if no program of the mail server is here', async () => {
    const run = async (command: string): Promise<{ code: number; output: string }> => ({
      code: command.startsWith('smmap') ? 0 : 127,
      output: '',
    });
    expect(await runTests(['smmap probe x', 'swaks --to x    # 250'], run, () => {})).toBe(69);
    expect(
      await runTests(
        ['smmap probe x'],
        async () => ({ code: 0, output: '' }),
        () => {},
      ),
    ).toBe(69);
  });

  it('asks for the address that is given', () => {
    const tests = ['probe fred fred@example.org', 'swaks --to nobody@example.org', 'returns fred<OK>'];
    expect(testsFor('joe@virt.example', tests, 'fred@example.org')).toEqual([
      'probe joe joe@virt.example',
      'swaks --to nobody@example.org',
      'returns joe<OK>',
    ]);
  });

  it('runs in a shell, and is skipped if its last program is missing', async () => {
    expect(await runInShell('echo a; echo b >&2; exit 3')).toMatchObject({ code: 3 });
    expect(await runInShell('echo x | smmap-has-no-such-program')).toMatchObject({ code: 127 });
  });
});
