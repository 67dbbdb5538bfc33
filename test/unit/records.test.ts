import { expect, it } from 'vitest';
import type { Mailbox } from '../../src/record/mailbox.ts';
import { openEmbeddedStore } from '../../src/store/driver/embedded/driver.ts';
import { rangeOf } from '../../src/store/driver/embedded/range.ts';
import type { Writer } from '../../src/store/driver/embedded/writer.ts';
import type { DomainClass } from '../../src/vocabulary.ts';
import { openNew, temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const DOMAINS = ['a.example', 'b.example', 'c.example', 'd.example'];

const mailbox = (local: string, domain: string): Mailbox => {
  return { about: 'mailbox', local, domain, state: 'active', value: '', folders: [] };
};

const clear = (writer: Writer, domain: string | null): void => {
  writer.putInOrder([], rangeOf('mailbox', domain), () => {});
};

/** Changes a store step by step. Returns after each step which domains a question finds, and which a list has. */
async function hosted(...changes: ((writer: Writer) => void)[]): Promise<string[]> {
  const dir = folder();
  const said: string[] = [];
  for (const change of changes) {
    const records = await openNew(dir);
    records.write((writer) => {
      change(writer);
      return true;
    });
    const listed = [...records.domains()].map((domain) => `${domain.domain[0]}:${domain.class}`).join(' ');
    await records.close();
    const store = openEmbeddedStore(dir);
    const found: string[] = [];
    for (const domain of DOMAINS) {
      const answer = await store.lookup({ about: 'domain', domain });
      if (answer !== null) found.push(`${domain[0]}:${answer.value}`);
    }
    await store.close();
    expect(found.join(' ')).toBe(listed);
    said.push(listed);
  }
  return said;
}

it('a domain is hosted as long as it has a mailbox', async () => {
  const said = await hosted(
    (writer) => {
      for (const [local, domain] of [
        ['x', 'a.example'],
        ['y', 'a.example'],
        ['x', 'b.example'],
      ] as const) {
        writer.put(mailbox(local, domain));
      }
    },
    (writer) => writer.remove(mailbox('x', 'a.example')),
    (writer) => writer.remove(mailbox('nobody', 'a.example')),
    (writer) => {
      writer.remove(mailbox('y', 'a.example'));
      writer.remove(mailbox('x', 'b.example'));
      writer.put(mailbox('z', 'b.example'));
    },
    (writer) => {
      writer.put(mailbox('x', 'a.example'));
      clear(writer, null);
      writer.put(mailbox('x', 'c.example'));
    },
    (writer) => clear(writer, 'c.example'),
  );
  expect(said).toEqual([
    'a:mailbox b:mailbox',
    'a:mailbox b:mailbox',
    'a:mailbox b:mailbox',
    'b:mailbox',
    'c:mailbox',
    '',
  ]);
});

it('a domain with a mailbox does not have the class alias, until the mailbox is removed', async () => {
  const domain = (name: string, domainClass: DomainClass) =>
    ({ about: 'domain', domain: name, class: domainClass }) as const;
  const said = await hosted(
    (writer) => {
      writer.put(domain('a.example', 'alias'));
      writer.put(domain('b.example', 'relay'));
      writer.put(domain('d.example', 'mailbox'));
    },
    (writer) => {
      writer.put(mailbox('x', 'a.example'));
      writer.put(mailbox('x', 'b.example'));
    },
    (writer) => writer.remove(mailbox('x', 'a.example')),
  );
  expect(said).toEqual(['a:alias b:relay d:mailbox', 'a:mailbox b:relay d:mailbox', 'a:alias b:relay d:mailbox']);
});
