import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The name of the file in the state directory. */
export const SECRET_NAME = 'log-secret';

const ROOT = 0;
const BYTES = 32;
const CONTENT = new RegExp(`^[0-9a-f]{${2 * BYTES}}\\n?$`);

/** A new secret. */
export function newSecret(): Buffer {
  return randomBytes(BYTES);
}

/** Reads the secret of a file. Throws an error with the reason. */
export function readSecret(file: string): Buffer {
  const text = readFileSync(file, 'latin1');
  if (!CONTENT.test(text))
    throw new Error(`${file}: is not a secret of smmap; move it away, and the daemon makes a new one`);
  return Buffer.from(text, 'hex');
}

/** The same, but makes the file first if it does not exist. Only its owner can read it. */
export function openSecret(file: string): Buffer {
  try {
    return readSecret(file);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
  makeSecret(file);
  return readSecret(file);
}

/** Another process may do the same at this moment: then both have the secret of the one that was first. */
function makeSecret(file: string): void {
  const folder = dirname(file);
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, `${newSecret().toString('hex')}\n`);
    const { uid, gid } = statSync(folder);
    if (fstatSync(fd).uid === ROOT) fchownSync(fd, uid, gid); // the service runs as the owner of the folder
    linkSync(draft, file);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    closeSync(fd);
    unlinkSync(draft);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
