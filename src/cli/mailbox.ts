import { parseDomain } from '../address/domain.ts';
import { type Mailboxes, openMailboxes } from '../store/driver/embedded.ts';
import { type Mailbox, formatMailboxLine, formatOwner, isState, parseFolder, parseOwner } from '../store/line.ts';
import { StoreError } from '../store/store.ts';
import { CliError, EXIT } from './error.ts';
import { type Format, openSource } from './source.ts';

/** The commands that keep the embedded store. Each throws CliError with exit code 65 for bad input, 74 for a store that fails. */
export async function add(
  addresses: readonly string[],
  folderNames: readonly string[],
  state: string,
  dir: string,
): Promise<void> {
  if (!isState(state)) throw new CliError(EXIT.USAGE, `${state} is no state`);
  const owners = addresses.map(ownerOf);
  const folders = folderNames.map(folderOf);
  await withStore(dir, 'write', (store) => {
    store.write((writer) => {
      for (const owner of owners) {
        const kept = store.get(owner.local, owner.domain)?.folders ?? []; // to lose one unasked would refuse its mail
        if (!writer.put({ ...owner, state, folders: [...new Set([...kept, ...folders])] }))
          throw new CliError(EXIT.DATA, `${formatOwner(owner.local, owner.domain)}: ${TOO_LONG}`);
      }
      return true;
    });
  });
}

/** Resolves to 1 where a mailbox was not there. */
export function remove(addresses: readonly string[], dir: string): Promise<number> {
  const owners = addresses.map(ownerOf);
  return withStore(dir, 'write', (store) => {
    let exitCode = 0;
    store.write((writer) => {
      for (const { local, domain } of owners) {
        if (writer.remove(local, domain)) continue;
        process.stderr.write(`smmap: ${formatOwner(local, domain)}: there is no such mailbox\n`);
        exitCode = 1;
      }
      return true;
    });
    return exitCode;
  });
}

/** Resolves to 1 where a mailbox is not there. */
export function show(addresses: readonly string[], dir: string): Promise<number> {
  const owners = addresses.map(ownerOf);
  return withStore(dir, 'read', (store) => {
    let exitCode = 0;
    for (const { local, domain } of owners) {
      const mailbox = store.get(local, domain);
      if (mailbox === null) {
        process.stderr.write(`smmap: ${formatOwner(local, domain)}: there is no such mailbox\n`);
        exitCode = 1;
        continue;
      }
      const folders = mailbox.folders.map((folder) => `  folder   ${folder}\n`).join('');
      process.stdout.write(`${formatOwner(local, domain)}\n  state    ${mailbox.state}\n${folders}`);
    }
    return exitCode;
  });
}

export function list(domainText: string | null, dir: string): Promise<void> {
  const domain = domainText === null ? null : parseDomain(domainText);
  if (domainText !== null && domain === null) throw new CliError(EXIT.DATA, `${domainText}: is no domain`);
  return withStore(dir, 'read', (store) => print(store.all(domain), ({ local, domain: of }) => formatOwner(local, of)));
}

export function exportAll(dir: string): Promise<void> {
  return withStore(dir, 'read', (store) => print(store.all(null), formatMailboxLine));
}

/** Resolves to 65 where a line was bad. */
export function importFile(file: string, format: Format, strict: boolean, dir: string): Promise<number> {
  return withStore(dir, 'write', (store) => {
    const source = openSource(file, format);
    const progress = createProgress(source.size);
    let good = 0;
    let bad = 0;
    const say = (text: string): void => {
      progress.clear();
      process.stderr.write(`smmap: ${source.name}${text}\n`);
    };
    const written = store.write((writer) => {
      for (const { at, found, bytesRead } of source.items()) {
        if ('leftOut' in found) {
          say(`${at}: left out, since ${found.leftOut}`);
          continue;
        }
        const flaw = 'flaw' in found ? found.flaw : writer.put(found) ? null : TOO_LONG;
        if (flaw === null) {
          good++;
        } else {
          bad++;
          say(`${at}: ${flaw}`);
        }
        if ((good + bad) % PROGRESS_ITEMS === 0) progress.show(bytesRead, good);
      }
      return !(strict && bad > 0);
    });
    progress.clear();
    source.close();
    const outcome = written ? `${good} imported` : 'nothing imported';
    process.stderr.write(`smmap: ${outcome}${bad > 0 ? `, ${bad} bad` : ''}\n`);
    return bad > 0 ? EXIT.DATA : 0;
  });
}

const TOO_LONG = 'the address is longer than the store can hold';
const PROGRESS_ITEMS = 10_000;
const BAR_CHARS = 30;
const BATCH_CHARS = 65_536;

function ownerOf(text: string): Pick<Mailbox, 'local' | 'domain'> {
  const owner = parseOwner(text);
  if ('flaw' in owner) throw new CliError(EXIT.DATA, owner.flaw);
  return owner;
}

function folderOf(text: string): string {
  const folder = parseFolder(text);
  if (typeof folder !== 'string') throw new CliError(EXIT.DATA, folder.flaw);
  return folder;
}

async function withStore<T>(
  dir: string,
  purpose: 'read' | 'write',
  work: (store: Mailboxes) => T | Promise<T>,
): Promise<T> {
  let store: Mailboxes | null = null;
  try {
    store = openMailboxes(dir, purpose);
    return await work(store);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new CliError(EXIT.IO, error.message);
  } finally {
    await store?.close();
  }
}

/** Prints as fast as the reader of standard output takes it, and holds no more than a batch. */
async function print(mailboxes: Iterable<Mailbox>, format: (mailbox: Mailbox) => string): Promise<void> {
  let batch = '';
  for (const mailbox of mailboxes) {
    batch += `${format(mailbox)}\n`;
    if (batch.length < BATCH_CHARS) continue;
    if (!process.stdout.write(batch)) await new Promise((resolve) => process.stdout.once('drain', resolve));
    batch = '';
  }
  process.stdout.write(batch);
}

/** A bar on a terminal, and nothing elsewhere. The size is 0 where it is not known. */
function createProgress(size: number): { show(bytes: number, imported: number): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  return {
    show(bytes, imported) {
      const done = Math.min(1, bytes / size);
      const bar =
        size === 0
          ? ''
          : `[${'#'.repeat(Math.round(done * BAR_CHARS)).padEnd(BAR_CHARS)}] ${Math.floor(done * 100)} %, `;
      process.stderr.write(`\r${bar}${imported} mailboxes`);
    },
    clear: () => process.stderr.write('\r\x1b[K'),
  };
}
