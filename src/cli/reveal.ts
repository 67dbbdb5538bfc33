import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { messageOf } from '../message.ts';
import { HASH, type Cipher, createCipher } from '../observe/cipher.ts';
import { escapeJson, printable } from '../observe/printable.ts';
import { readSecret } from '../observe/secret.ts';
import { CliError, EXIT } from './error.ts';

/**
 * Prints what hashes of the log stand for, a line each. Without hashes, copies standard input with every hash in it
 * revealed. Returns the exit code: 65 if a hash was not made with this secret.
 */
export async function reveal(hashes: readonly string[], secretFile: string): Promise<number> {
  const cipher = openCipher(secretFile);
  let unknown = 0;
  const revealed = (hash: string): string | null => {
    const text = cipher.reveal(hash);
    if (text === null) unknown++;
    return text;
  };
  if (hashes.length === 0) {
    if (process.stdin.isTTY)
      throw new CliError(EXIT.USAGE, 'give hashes, or a log: journalctl -u smmap | smmap log reveal');
    for await (const line of createInterface({ input: process.stdin as Readable, crlfDelay: Infinity })) {
      process.stdout.write(`${line.replace(HASH, (hash) => within(line, revealed(hash)) ?? hash)}\n`);
    }
  }
  for (const hash of hashes) {
    const text = revealed(hash);
    if (text !== null) process.stdout.write(`${printable(text)}\n`);
    else process.stderr.write(`smmap: ${hash}: was not made with the secret in ${secretFile}\n`);
  }
  if (unknown > 0 && hashes.length === 0) {
    process.stderr.write(`smmap: hashes that were not made with the secret in ${secretFile}: ${unknown}\n`);
  }
  return unknown === 0 ? 0 : EXIT.DATA;
}

/** A text as it can stand in a line of the log: in JSON, or in a line for people. */
function within(line: string, text: string | null): string | null {
  if (text === null) return null;
  return line.includes('{"level":') ? escapeJson(JSON.stringify(text).slice(1, -1)) : printable(text);
}

function openCipher(file: string): Cipher {
  try {
    return createCipher(readSecret(file));
  } catch (error) {
    throw new CliError(
      EXIT.IO,
      `the secret of the log cannot be read (${messageOf(error)}): run this as root or as the user of the daemon, or give --secret`,
    );
  }
}
