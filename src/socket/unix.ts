import { lchownSync, lstatSync } from 'node:fs';
import type { Server } from 'node:net';
import { formatEndpoint } from '../endpoint.ts';
import { withUmask } from '../umask.ts';
import { ListenError, besidePath, claimPath, inodeOf, isServed, releasePath } from './claim.ts';
import type { Intake } from './intake.ts';
import { explain, listen } from './listen.ts';
import type { Binding, Listener, ListenerEvents } from './listener.ts';

type UnixBinding = Extract<Binding, { kind: 'unix' }>;

/** A server that listens, and the name of its socket file: first a name beside the path, then the path. */
interface Bound {
  readonly server: Server;
  readonly inode: bigint;
  name: string;
}

const WATCH_MS = 500;
const LAST_ACCEPT_MS = 100; // clients that connected before we lost the path are accepted within this time

/**
 * Listens beside a path, and takes the path by `claim`. From then on it looks at the path twice a second. If another server
 * listens there, it calls `replaced`, once. If the file was removed, or no server listens on it, it calls `lost`, and claims
 * the path again with a new socket. Throws ListenError.
 */
export async function openUnix(
  binding: UnixBinding,
  makeServer: () => Server,
  events: ListenerEvents,
  intake: Intake,
): Promise<Listener> {
  const { path } = binding;
  const where = formatEndpoint(binding);
  let bound = await bind(binding, makeServer(), events);
  let watch: NodeJS.Timeout | undefined;
  let closed = false;
  const told = new Set<string>();

  const tellLost = (cause: string): void => {
    if (told.has(cause)) return;
    told.add(cause);
    events.lost(cause);
  };
  const renew = async (): Promise<void> => {
    const next = await bind(binding, makeServer(), events);
    try {
      const take = await claimPath(next.name, path, false);
      if (closed) throw new ListenError(`${path}: is not needed any more`);
      take();
    } catch (error) {
      release(next);
      next.server.close();
      throw error;
    }
    closeSoon(bound.server, intake);
    bound = { ...next, name: path };
  };
  const look = async (): Promise<void> => {
    try {
      const inode = inodeOf(path);
      if (inode === bound.inode) return;
      if (await isServed(path)) {
        if (closed) return;
        closed = true;
        events.replaced();
        return;
      }
      tellLost(inode === null ? `${path} was removed` : `${path} is another file now, on which no server listens`);
      await renew();
      told.clear();
      events.regained(where);
    } catch (error) {
      if (!closed) tellLost((explain(binding, error) as Error).message);
    }
  };
  const lookAgain = async (): Promise<void> => {
    await look();
    if (!closed) watchOn();
  };
  const watchOn = (): void => {
    watch = setTimeout(() => void lookAgain(), WATCH_MS).unref();
  };
  const retire = (): void => {
    closed = true;
    clearTimeout(watch);
    release(bound);
  };

  return {
    where,
    async claim(replace) {
      try {
        const take = await claimPath(bound.name, path, replace);
        return () => {
          take();
          bound.name = path;
          watchOn();
        };
      } catch (error) {
        throw explain(binding, error);
      }
    },
    isTaken() {
      const inode = inodeOf(path);
      return bound.name === path && inode !== null && inode !== bound.inode;
    },
    holds: () => !closed && bound.name === path && inodeOf(path) === bound.inode,
    update: () => {},
    retire() {
      retire();
      closeSoon(bound.server, intake);
    },
    leave: retire,
    close() {
      retire();
      bound.server.close();
    },
  };
}

/**
 * Binds beside the path. The umask gives the socket file its mode from the first moment, and lchown its owner. The folder may
 * belong to another user, who could put a link in place of the file at any moment, so nothing here follows a link.
 */
async function bind(binding: UnixBinding, server: Server, events: ListenerEvents): Promise<Bound> {
  const { path, mode, uid, gid } = binding;
  try {
    const name = besidePath(path);
    // node:net binds a path before listen() returns
    await withUmask(0o777 & ~mode, () => listen(server, { path: name }, (error) => events.failed(error)));
    const made = lstatSync(name, { bigint: true });
    if (!made.isSocket())
      throw new ListenError(`${path}: another program replaces files in its folder; choose another folder`);
    const has = Number(made.mode & 0o777n);
    if (has !== mode) {
      throw new ListenError(
        `${path}: its socket would have the mode ${octal(has)} instead of ${octal(mode)}, because its folder has a default ACL; remove the ACL (setfacl -k), or choose another folder`,
      );
    }
    if (uid !== -1 || gid !== -1) lchownSync(name, uid, gid);
    return { server, inode: made.ino, name };
  } catch (error) {
    server.close(); // this removes the file, too
    throw explain(binding, error);
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Removes the socket file, unless another file is there now, or we may not remove it any more. */
function release({ name, inode }: Bound): void {
  try {
    releasePath(name, inode);
  } catch {
    // the next server on this path notices that no server listens there
  }
}

function closeSoon(server: Server, intake: Intake): void {
  setTimeout(() => void intake.emptied().then(() => server.close()), LAST_ACCEPT_MS).unref();
}
