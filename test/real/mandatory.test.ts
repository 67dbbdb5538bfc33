// The profile for AppArmor and the policy for SELinux: whether they can be loaded, and name the folders of the units.

import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from './command.ts';
import { makeFolder } from './daemon.ts';
import { type Missing, describePart } from './part.ts';

const CONTRIB = fileURLToPath(new URL('../../contrib/', import.meta.url));
const PARSE = ['--skip-kernel-load', '--skip-cache'];
const CLIENT = 'abi <abi/3.0>,\ninclude <tunables/global>\nprofile smtpd /usr/lib/postfix/sbin/smtpd {\n';

/** A file of a package, or what lacks without it. */
function found(name: string, file: string): { file: string } | Missing {
  return existsSync(file) ? { file } : { name, missing: `there is no ${file}; apt install ${name}` };
}

describePart('apparmor_parser', found('apparmor', '/usr/sbin/apparmor_parser'), ({ file }) => {
  test('takes the profile of the daemon', async () => {
    expect(await run(file, [...PARSE, join(CONTRIB, 'apparmor/smmap')])).toMatchObject({ code: 0 });
  });

  test('takes what a mail server with a profile includes, and not the same with a mistake', async () => {
    const folder = await makeFolder();
    await mkdir(join(folder, 'abstractions'));
    const [clients, profile] = [join(folder, 'abstractions/smmap-clients'), join(folder, 'smtpd')];
    await cp(join(CONTRIB, 'apparmor/smmap-clients'), clients);
    await writeFile(profile, `${CLIENT}  include <abstractions/smmap-clients>\n}\n`);
    const parse = [...PARSE, '--Include', folder, profile];
    expect(await run(file, parse)).toMatchObject({ code: 0 });
    await writeFile(clients, (await readFile(clients, 'utf8')).replaceAll(' rw,', ' nonsense,'));
    expect((await run(file, parse)).code).not.toBe(0);
  });
});

const MAKEFILE = '/usr/share/selinux/devel/Makefile';

describePart('checkmodule', found('selinux-policy-dev', MAKEFILE), ({ file }) => {
  const compile = async (edit: (text: string) => string): Promise<number | null> => {
    const folder = await makeFolder();
    await cp(join(CONTRIB, 'selinux'), folder, { recursive: true });
    const source = join(folder, 'smmap.te');
    await writeFile(source, edit(await readFile(source, 'utf8')));
    return (await run('make', ['-s', '-C', folder, '-f', file, 'smmap.pp'])).code;
  };

  test('compiles the policy of the daemon and its clients', async () => {
    expect(await compile((text) => text)).toBe(0);
  });

  test('does not compile it with an unknown type', async () => {
    expect(await compile((text) => text.replace('list_dirs_pattern(smmap_t', 'list_dirs_pattern(other_t'))).not.toBe(0);
  });
});
