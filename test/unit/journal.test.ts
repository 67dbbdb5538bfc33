import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isJournal, withPriority } from '../../src/observe/journal.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

it('a descriptor leads to journald if JOURNAL_STREAM names its device and inode, and not after a redirection', () => {
  const [stream, other] = ['a', 'b'].map((name) => openSync(join(folder(), name), 'w')) as [number, number];
  onTestFinished(() => [stream, other].forEach((fd) => closeSync(fd)));
  const { dev, ino } = fstatSync(stream);
  const environment = { JOURNAL_STREAM: `${dev}:${ino}` };
  expect([isJournal(environment, stream), isJournal(environment, other), isJournal({}, stream)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(isJournal(environment, 100_000)).toBe(false);
});

it.each([
  ['fatal', '<2>x'],
  ['error', '<3>x'],
  ['warn', '<4>x'],
  ['info', '<6>x'],
  ['debug', '<7>x'],
  ['of another sort', '<6>x'],
])('a line that is %s begins with its priority', (level, line) => {
  expect(withPriority(level, 'x')).toBe(line);
});
