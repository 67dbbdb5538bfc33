import { ClosedError, StoreError } from '../../store.ts';
import {
  type Address,
  type Connection,
  type Link,
  Redirection,
  Refusal,
  type Transacted,
  createLink,
  newest,
} from './link.ts';
import type { Command } from './plan.ts';

/** The nodes of a Redis Cluster. A question goes to the master of its slot, never to a replica. */
export interface Cluster {
  /** Learns which master serves which slot, if that is unknown or was wrong. Rejects if no node can tell. */
  ready(): Promise<void>;
  /** The replies of a transaction, from the master of the slot. It follows a slot that moves to another node. */
  transact(slot: number, commands: readonly Command[]): Promise<Transacted>;
  close(): void;
}

interface View {
  /** host:port of the master of each slot. Undefined for a slot without a master. */
  readonly masters: readonly (string | undefined)[];
  readonly nodes: ReadonlySet<string>;
  readonly epoch: number;
}

const MOST_HOPS = 5; // a slot moves once; while the nodes disagree there may be a few more hops
const REFRESH_MS = 200; // the shortest time between two refreshes, while something is wrong

/** Connects to the nodes of a cluster. `seeds` are some of its nodes, which tell the others. */
export function createCluster(
  seeds: readonly { readonly host: string; readonly port: number }[],
  connect: (address: Address) => Promise<Connection>,
  timeoutMs: number,
): Cluster {
  const links = new Map<string, Link>();
  const first = seeds.map(({ host, port }) => `${host}:${port}`);
  let view: View | null = null;
  let stale = false;
  let refreshedAt = -Infinity;
  let refreshing: Promise<void> | null = null;
  let closed = false;
  const moved = new Map<number, string>(); // slots that have moved since the last refresh

  const linkTo = (node: string): Link => {
    if (closed) throw new ClosedError();
    const known = links.get(node);
    if (known !== undefined) return known;
    const at = node.lastIndexOf(':'); // the last colon, since an IPv6 address has several
    const address = { host: node.slice(0, at), port: Number(node.slice(at + 1)) };
    const link = createLink(() => connect(address), timeoutMs, isOfSlot);
    links.set(node, link);
    return link;
  };

  const refresh = async (): Promise<void> => {
    try {
      const nodes = [...new Set([...first, ...(view?.nodes ?? [])])];
      view = await newest(nodes.map((node) => linkTo(node).ask((connection) => viewOf(node, connection))));
      moved.clear();
      stale = false;
      for (const [node, link] of links) {
        if (view.nodes.has(node) || first.includes(node)) continue;
        link.close();
        links.delete(node);
      }
    } finally {
      refreshedAt = performance.now();
      refreshing = null;
    }
  };

  return {
    async ready() {
      if (view !== null && !stale) return;
      if (view !== null && refreshing === null && performance.now() - refreshedAt < REFRESH_MS) return;
      await (refreshing ??= refresh());
    },
    async transact(slot, commands) {
      let node = moved.get(slot) ?? view?.masters[slot];
      let asking = false;
      for (let hop = 0; hop < MOST_HOPS; hop++) {
        if (node === undefined) break;
        const asked = node;
        try {
          return await linkTo(asked).ask((connection) => connection.transact(commands, asking));
        } catch (cause) {
          stale = true;
          if (!(cause instanceof Redirection)) throw cause;
          node = withHost(cause.to, asked);
          asking = cause.ask;
          if (!asking) moved.set(cause.slot, node);
        }
      }
      stale = true;
      throw new StoreError(
        node === undefined
          ? `no node of the cluster serves slot ${slot}: run redis-cli --cluster check`
          : `the nodes of the cluster disagree about slot ${slot}: run redis-cli --cluster check`,
      );
    },
    close() {
      closed = true;
      for (const link of links.values()) link.close();
    },
  };
}

/** Whether a failure concerns one slot only: the node may still serve its other slots. */
function isOfSlot(cause: unknown): boolean {
  return (
    cause instanceof Redirection || (cause instanceof Refusal && /^(?:CLUSTERDOWN|TRYAGAIN)\b/.test(cause.message))
  );
}

async function viewOf(asked: string, connection: Connection): Promise<View> {
  const [ranges, info] = await connection.send([
    ['cluster', 'slots'],
    ['cluster', 'info'],
  ]);
  if (ranges instanceof Error) throw new StoreError(`${asked}: ${ranges.message}`);
  if (info instanceof Error) throw new StoreError(`${asked}: ${info.message}`);
  const masters: (string | undefined)[] = [];
  const nodes = new Set<string>();
  for (const [from, to, ...serving] of ranges as [number, number, ...[string | null, number][]][]) {
    const names = serving.map(([host, port]) => withHost(`${host ?? ''}:${port}`, asked));
    for (const name of names) nodes.add(name);
    for (let slot = from; slot <= to; slot++) masters[slot] = names[0];
  }
  return { masters, nodes, epoch: Number(/^cluster_current_epoch:(\d+)/m.exec(String(info))?.[1] ?? 0) };
}

/**
 * Adds the host to the name of a node. A node that does not know its own host leaves it out: we asked it at that host.
 */
function withHost(node: string, asked: string): string {
  return /^\??:\d+$/.test(node) ? asked.slice(0, asked.lastIndexOf(':')) + node.slice(node.indexOf(':')) : node;
}
