// What add, remove and import say became of each record: to a person, and to a program such as Ansible.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { cli, makeFolder } from './daemon.ts';

/** Runs commands on one store; each resolves to its exit code and its lines, read as JSON. */
async function start() {
  const store = join(await makeFolder(), 'store');
  await createEmpty(store);
  return async (line: string, stdin = ''): Promise<[number | null, ...unknown[]]> => {
    const { code, stdout } = await cli([...line.split(' '), '--json', '--store', store], stdin);
    return [
      code,
      ...stdout
        .split('\n')
        .filter(Boolean)
        .map((each): unknown => JSON.parse(each)),
    ];
  };
}

test('add counts added, changed and unchanged records', async () => {
  const smmap = await start();
  const [fred, joe] = ['fred@example.org', 'joe@example.org'];
  expect(await smmap(`mailbox add ${fred}`)).toEqual([0, { name: fred, result: 'added' }]);
  expect(await smmap(`mailbox add ${fred} ${joe}`)).toEqual([
    0,
    { name: fred, result: 'unchanged' },
    { name: joe, result: 'added' },
  ]);
  expect(await smmap(`mailbox add --state disabled ${fred}`)).toEqual([0, { name: fred, result: 'changed' }]);
  for (const result of ['added', 'unchanged'])
    expect(await smmap(`alias add a@example.org ${fred}`)).toEqual([0, { name: 'a@example.org', result }]);
  expect(await smmap(`alias add a@example.org ${joe}`)).toEqual([0, { name: 'a@example.org', result: 'changed' }]);
  for (const result of ['added', 'unchanged'])
    expect(await smmap('domain add example.net')).toEqual([0, { name: 'example.net', result }]);
  for (const [value, result] of [
    ['OK', 'added'],
    ['OK', 'unchanged'],
    ['REJECT', 'changed'],
  ])
    expect(await smmap(`table add access key ${value}`)).toEqual([0, { name: 'key', result }]);
});

test('remove counts removed, changed and absent records', async () => {
  const smmap = await start();
  await smmap('mailbox add fred@example.org');
  await smmap('alias add a@example.org x@example.net y@example.net');
  expect(await smmap('mailbox remove fred@example.org joe@example.org')).toEqual([
    1,
    { name: 'fred@example.org', result: 'removed' },
    { name: 'joe@example.org', result: 'absent' },
  ]);
  for (const [code, result] of [
    [0, 'changed'],
    [1, 'unchanged'],
  ] as const)
    expect(await smmap('alias remove --target x@example.net a@example.org')).toEqual([
      code,
      { name: 'a@example.org', result },
    ]);
});

test('import counts added, changed, removed and unchanged records, and says whether it wrote them', async () => {
  const smmap = await start();
  const done = { added: 0, changed: 0, removed: 0, unchanged: 0, bad: 0, written: true };
  const [one, two] = ['a@example.org\nb@example.org\n', 'b@example.org state=disabled\nc@example.org\n'];
  expect(await smmap('mailbox import -', one)).toEqual([0, { ...done, added: 2 }]);
  expect(await smmap('mailbox import -', one)).toEqual([0, { ...done, unchanged: 2 }]);
  const changes = { ...done, added: 1, changed: 1, removed: 1 };
  expect(await smmap('mailbox import --replace --dry-run -', two)).toEqual([0, { ...changes, written: false }]);
  expect(await smmap('mailbox import --replace -', two)).toEqual([0, changes]);
  expect(await smmap('mailbox import --strict -', 'd@example.org\nwrong\n')).toEqual([
    65,
    { ...done, bad: 1, written: false },
  ]);
  expect(await smmap('mailbox import -', 'd@example.org\nwrong\n')).toEqual([65, { ...done, added: 1, bad: 1 }]);
});

test('without --json, add and remove print a line for each record, and name absent ones on standard error', async () => {
  const store = join(await makeFolder(), 'store');
  await createEmpty(store);
  const smmap = async (line: string) => Object.values(await cli([...line.split(' '), '--store', store]));
  const [fred, joe] = ['fred@example.org', 'joe@example.org'];
  expect(await smmap(`mailbox add ${fred}`)).toEqual([0, `added ${fred}\n`, '']);
  expect(await smmap(`mailbox add ${fred} ${joe}`)).toEqual([0, `unchanged ${fred}\nadded ${joe}\n`, '']);
  expect(await smmap(`mailbox add --state disabled ${fred}`)).toEqual([0, `changed ${fred}\n`, '']);
  expect(await smmap('table add access key OK')).toEqual([0, 'added key\n', '']);
  const missing = 'smmap: nobody@example.org: there is no such mailbox\n';
  expect(await smmap(`mailbox remove nobody@example.org ${fred}`)).toEqual([1, `removed ${fred}\n`, missing]);
});

test('without --json, import prints the numbers on standard error', async () => {
  const store = join(await makeFolder(), 'store');
  await createEmpty(store);
  const read = (list: string, ...more: string[]) => cli(['mailbox', 'import', ...more, '--store', store, '-'], list);
  await read('a@example.org\nb@example.org\nc@example.org\n');
  const list = 'a@example.org\nb@example.org state=disabled\nd@example.org\n';
  expect(await read(list, '--replace')).toEqual({
    code: 0,
    stdout: '',
    stderr: 'smmap: 3 imported: 1 added, 1 changed, 1 unchanged, 1 removed\n',
  });
  expect((await read(list)).stderr).toBe('smmap: 3 imported: 0 added, 0 changed, 3 unchanged\n');
});
