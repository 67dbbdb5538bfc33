import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commandsPage, runnableOf, nameOf } from '../../packaging/manual/commands.ts';
import { configurationPage } from '../../packaging/manual/configuration.ts';
import { markdownPage } from '../../packaging/manual/markdown.ts';
import { createProgram } from '../../src/cli/program.ts';
import { run } from '../real/command.ts';
import { describePart } from '../real/part.ts';

const program = await createProgram();
const toml = readFileSync(new URL('../../systemd/smmap.toml', import.meta.url), 'utf8');
const pages = {
  'smmap(1)': commandsPage(program, '2026-11-26', '0.2.0'),
  'smmap.toml(5)': configurationPage(toml, '2026-11-26', '0.2.0'),
};

/** A page as a terminal of 200 columns shows it. */
async function shown(page: string): Promise<string> {
  const { code, stdout, stderr } = await run('groff', ['-man', '-ww', '-Tutf8', '-P-cbou', '-rLL=200n'], {
    stdin: page,
  });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

const version = await run('groff', ['--version']).catch(() => null);
const groff = version === null ? { name: 'groff', missing: 'not installed; it is in the package groff-base' } : {};

describePart('the manual', groff, () => {
  test('has each command with its arguments and options', async () => {
    const text = await shown(pages['smmap(1)']);
    const commands = runnableOf(program);
    expect(commands.map(nameOf)).toEqual(
      expect.arrayContaining(['smmap stores', 'smmap stores release', 'smmap log reveal']),
    );
    for (const command of commands) {
      const at = text.indexOf(`\n   ${nameOf(command)}\n`);
      expect(at, nameOf(command)).toBeGreaterThan(0);
      const section = text.slice(at + 1, text.indexOf('\n   smmap ', at + 1));
      const { options, registeredArguments } = command;
      for (const { flags } of options) expect(section, nameOf(command)).toContain(flags);
      for (const argument of registeredArguments) expect(section, nameOf(command)).toContain(argument.name());
    }
  });

  test('has each key of the configuration, below its section', async () => {
    const text = await shown(pages['smmap.toml(5)']);
    const lines = toml.split('\n').map((line) => /^#? ?(?:(\[.+?\])|(\w+ = \S+))/.exec(line)?.slice(1) ?? []);
    let at = 0;
    for (const [section, key] of lines) {
      const found = section === undefined ? key : `\n${section}\n`;
      if (found === undefined) continue;
      const next = text.indexOf(found, section === undefined ? at : 0);
      expect(next, found).toBeGreaterThan(0);
      if (section !== undefined) at = next;
    }
  });

  test('has each rule of the protocol, and each of its sections', async () => {
    const page = readFileSync('docs/protocol.md', 'utf8');
    const text = await shown(markdownPage('smmap-protocol', page, 'the protocol', '2026-11-26', '0.2.0'));
    for (const [, title = ''] of page.matchAll(/^##+ (.*)$/gm)) expect(text).toMatch(new RegExp(`^ *${title}$`, 'm'));
    for (const [, rule = ''] of page.matchAll(/^- \*\*(\S+)\*\*/gm)) expect(text).toContain(rule);
  });

  test('shows a page of Markdown', async () => {
    const page = '# Title\n\nOne **two**.\n\n## Part\n\n| a | b |\n|---|---|\n| `c` | d |\n\n- e\n\n    f  g';
    const text = await shown(markdownPage('name', page, 'what it is', '2026-11-26', '0.2.0'));
    expect(text).toMatch(/One two\.\n\nPart\n +c +d\n\n +• e\n\n +f {2}g\n/);
  });
});
