import { randomBytes } from 'node:crypto';
import { type BigIntStats, linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { parsePath } from '../endpoint.ts';

/** We cannot listen at a place. The message names the place, the reason and the remedy. */
export class ListenError extends Error {
  override name = 'ListenError';
}

/** A short name beside `path`. A socket gets its mode and owner there, before any client can see it. */
export function besidePath(path: string): string {
  return parsePath(join(dirname(path), `.smmap.${randomBytes(4).toString('hex')}`));
}

/**
 * Checks that the listening socket at `beside` can have the name `path`: no server listens there, or `replace` is true. The
 * function that it resolves to gives it the name in one step, so several paths can be taken together or not at all. A socket
 * file that a dead server left is removed. Without `replace`, a live server is never replaced. Both throw ListenError.
 */
export async function claimPath(beside: string, path: string, replace: boolean): Promise<() => void> {
  if (replace) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isSocket()) throw noSocket(path);
    return () => renameSync(beside, path); // clients reach either the old server or the new one
  }
  const stale = await findStale(path);
  return () => {
    if (stale !== null) removeStale(path, stale, `${beside}.old`);
    try {
      linkSync(beside, path);
    } catch (error) {
      if (isErrno(error, 'EEXIST')) throw inUse(path);
      throw error;
    }
    unlinkSync(beside);
  };
}

/** Whether a server listens on a path. In doubt, true. */
export async function isServed(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  const error = await tryConnect(path);
  return error === null || !(isErrno(error, 'ENOENT') || isErrno(error, 'ECONNREFUSED'));
}

/** Removes our socket file at a stop, but not the file of another server at the same path. */
export function releasePath(path: string, inode: bigint): void {
  if (inodeOf(path) === inode) unlinkSync(path);
}

/** The inode at a path. Null if nothing is there. */
export function inodeOf(path: string): bigint | null {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}

async function findStale(path: string): Promise<BigIntStats | null> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (!stat.isSocket()) throw noSocket(path);
  const error = await tryConnect(path);
  if (error === null) throw inUse(path);
  if (isErrno(error, 'ENOENT')) return null;
  if (isErrno(error, 'ECONNREFUSED')) return stat;
  throw new ListenError(`${path}: exists already, and it is unknown whether a server listens on it (${error.message})`);
}

/**
 * Renames the file before it removes it. So if two servers start at once, neither removes the new socket of the other. That
 * one may have the inode of the stale one, which somebody removed, but it was made later.
 */
function removeStale(path: string, stale: BigIntStats, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  const { ino, mtimeNs } = lstatSync(aside, { bigint: true });
  if (ino === stale.ino && mtimeNs === stale.mtimeNs) {
    unlinkSync(aside);
    return;
  }
  renameSync(aside, path);
  throw inUse(path);
}

function noSocket(path: string): ListenError {
  return new ListenError(`${path}: exists already and is not a socket; remove it, or listen on another path`);
}

function inUse(path: string): ListenError {
  return new ListenError(
    `${path}: another server listens there; stop it first, take over from it (smmap serve --takeover), or listen on another path`,
  );
}

function tryConnect(path: string): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(null);
    });
    socket.on('error', resolve);
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
