import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../src/cli/error.ts';
import { writeOutput } from '../../src/cli/records/output.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

/** A folder with a file that has an unusual mode. */
function withOld(): { dir: string; file: string } {
  const dir = folder();
  const file = join(dir, 'list');
  writeFileSync(file, 'old\n');
  chmodSync(file, 0o604);
  return { dir, file };
}

function errorOf(action: () => unknown): unknown[] {
  try {
    return ['no error', action()];
  } catch (error) {
    return error instanceof CliError ? [error.exitCode, error.message] : ['another error', String(error)];
  }
}

describe('an output file', () => {
  it('that is new has the lines and mode 0644, and there is no other file', () => {
    const dir = folder();
    writeOutput(join(dir, 'list'), ['a', 'b']);
    expect(readFileSync(join(dir, 'list'), 'utf8')).toBe('a\nb\n');
    expect(statSync(join(dir, 'list')).mode & 0o777).toBe(0o644);
    expect(readdirSync(dir)).toEqual(['list']);
  });

  it('that replaces another has its mode, and is a new file', () => {
    const { dir, file } = withOld();
    const before = statSync(file);
    writeOutput(file, ['new']);
    const after = statSync(file);
    expect([readFileSync(file, 'utf8'), after.mode, readdirSync(dir)]).toEqual(['new\n', before.mode, ['list']]);
    expect(after.ino).not.toBe(before.ino);
  });

  it.runIf(process.getuid?.() === 0)('that replaces another has its owner', () => {
    const { file } = withOld();
    chownSync(file, 1, 65_534);
    chmodSync(file, 0o2640);
    writeOutput(file, ['new']);
    const { uid, gid, mode } = statSync(file);
    expect([uid, gid, mode & 0o7777]).toEqual([1, 65_534, 0o2640]);
  });

  it('that is a link stays a link, and its target is replaced', () => {
    const { dir, file } = withOld();
    symlinkSync('list', join(dir, 'link'));
    writeOutput(join(dir, 'link'), ['new']);
    expect(lstatSync(join(dir, 'link')).isSymbolicLink()).toBe(true);
    expect([readFileSync(file, 'utf8'), readdirSync(dir)]).toEqual(['new\n', ['link', 'list']]);
  });

  it('may be longer than a batch, with any characters', () => {
    const file = join(folder(), 'list');
    const lines = Array.from({ length: 30_000 }, (_, at) => `jürgen${at}@bücher.example`);
    writeOutput(file, lines);
    expect(readFileSync(file, 'utf8')).toBe(`${lines.join('\n')}\n`);
  });

  it('stays unchanged if a line cannot be read', () => {
    const { dir, file } = withOld();
    const before = statSync(file);
    function* failing(): Generator<string> {
      yield 'new';
      throw new Error('the store failed');
    }
    expect(() => writeOutput(file, failing())).toThrow('the store failed');
    expect([readFileSync(file, 'utf8'), statSync(file).ino, readdirSync(dir)]).toEqual(['old\n', before.ino, ['list']]);
  });

  it('is not created if its folder is missing, or it is not a file', () => {
    const dir = folder();
    mkdirSync(join(dir, 'folder'));
    const missing = join(dir, 'missing', 'list');
    expect(errorOf(() => writeOutput(missing, ['new']))).toEqual([
      73,
      expect.stringMatching(`^${missing}: cannot be created \\(ENOENT`),
    ]);
    for (const path of [join(dir, 'folder'), '/dev/null']) {
      const said = `${path}: is not a regular file; leave out --output to write to standard output`;
      expect(errorOf(() => writeOutput(path, ['new']))).toEqual([73, said]);
    }
    expect(readdirSync(dir)).toEqual(['folder']);
  });

  it('that does not fit on the disk is an error that names it', () => {
    const { dir, file } = withOld();
    const tooLong = join(dir, 'x'.repeat(250)); // the temporary name would be too long
    expect(errorOf(() => writeOutput(tooLong, ['new']))).toEqual([
      73,
      expect.stringMatching(/x: cannot be created \(ENAMETOOLONG/),
    ]);
    function* full(): Generator<string> {
      yield 'new';
      const beside = readdirSync(dir).find((name) => name !== 'list');
      expect(beside).toMatch(new RegExp(`^\\.list\\.${process.pid}\\.`));
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
    }
    expect(errorOf(() => writeOutput(file, full()))).toEqual([
      74,
      `${file}: cannot be written (ENOSPC: no space left on device, write)`,
    ]);
    expect(readdirSync(dir)).toEqual(['list']);
  });
});
