import { writeFile } from 'node:fs/promises';
import { READER, READER_PASSWORD, SUFFIX, findSlapd } from '../../test/support/slapd.ts';
import { startRelay } from '../relay.ts';
import { passwordFault, processFaults, wayFaults } from '../target.ts';
import type { Open } from './open.ts';

/** OpenLDAP, with a password. A move is two changes there: LDAP has no transaction. */
export const openSlapd: Open = async ({ parts, folder, name }) => {
  const found = findSlapd(parts);
  if ('missing' in found) return found;
  const server = await found.start();
  const relay = await startRelay(Number(new URL(server.ldap).port));
  const password = `${folder}/${name}.password`;
  await writeFile(password, READER_PASSWORD);
  await server.add([['ou=people', { objectClass: 'organizationalUnit', ou: 'people' }]]);
  const nameOf = (address: string): string => `cn=${address},ou=people,${SUFFIX}`;
  /** What is there already, or is gone already, is well: somebody may have been killed behind it. */
  const change = async (ldif: string, well: RegExp): Promise<void> => {
    try {
      await server.modify(ldif);
    } catch (error) {
      if (!well.test(String(error))) throw error;
    }
  };
  return {
    name,
    cached: true,
    okMs: 0,
    restMs: [300, 1_200],
    lines: [
      'driver = "ldap"',
      `url = "ldap://127.0.0.1:${relay.port}"`,
      `base = "ou=people,${SUFFIX}"`,
      `bind_dn = "${READER}"`,
      `password_file = "${password}"`,
      'mailbox = { filter = "(mail=:address)", identity = { address = "mail" } }',
    ],
    async put(added, removed) {
      for (const each of added) {
        const entry = `dn: ${nameOf(each)}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: ${each}\nsn: x\nmail: ${each}\n`;
        await change(entry, /Already exists/);
      }
      for (const each of removed) await change(`dn: ${nameOf(each)}\nchangetype: delete\n`, /No such object/);
    },
    faults: {
      ...processFaults({ ...server, restart: () => server.start() }),
      ...wayFaults(relay),
      ...passwordFault(password, READER_PASSWORD, relay),
    },
    async stop() {
      relay.stop();
      await server.stop();
    },
  };
};
