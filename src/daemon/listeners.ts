import { resolve } from 'node:path';
import type { Config, ListenerConfig, PlaceConfig } from '../config/config.ts';
import { formatEndpoint } from '../endpoint.ts';
import type { InheritedSockets } from '../observe/systemd.ts';
import { type SocketMapProtocol, isSocketMap } from '../protocol/framing.ts';
import { ListenError, inodeOf } from '../socket/claim.ts';
import type { Intake } from '../socket/intake.ts';
import { type Binding, type Listener, type ListenerEvents, openListener } from '../socket/listener.ts';

/** A listener of a configuration, and what serves its clients: the maps, the commands of the control socket, or the metrics. */
export type NamedListener = { readonly name: string } & (
  | { readonly servedBy: 'maps' | 'control'; readonly config: ListenerConfig }
  | { readonly servedBy: 'metrics'; readonly config: PlaceConfig }
);

/** Where the maps can be asked, and its protocol. */
export interface MapListener {
  readonly where: string;
  readonly protocol: SocketMapProtocol;
}

/** `hasPath` is false while no client can connect: the socket file is gone, and cannot be made again. */
export interface ListenerState extends Pick<NamedListener, 'name' | 'servedBy'> {
  readonly hasPath: boolean;
}

/** A socket file that is ours. */
export interface SocketFile {
  readonly path: string;
  readonly inode: bigint | null;
}

/** All listeners of the daemon. */
export interface Listeners {
  /** Where the maps are served, as `unix:PATH` and `tcp:HOST:PORT`. */
  readonly where: readonly string[];
  /** Those of them that are socket maps, with their protocols. */
  readonly ofMaps: readonly MapListener[];
  /** All of them, and whether each has its path. One whose path another daemon took over still counts as having it. */
  state(): readonly ListenerState[];
  /** A listener whose path another server has taken. Null if no such listener is known. */
  taken(): MapListener | null;
  /** The socket files of the maps, with their inodes. An inode is null if another file is at that path, or none. */
  files(): readonly SocketFile[];
  /**
   * Opens the new listeners, changes those that stay, and closes the others, all or nothing: nothing is closed and no path is
   * taken before all new ones are ready. If one cannot be opened, nothing changes, and ListenError is thrown. With `takeover`,
   * a path is also taken from another server.
   */
  exchange(wanted: readonly NamedListener[], takeover: boolean): Promise<void>;
  /** Gives up all paths for good, and accepts those who have connected until `close`. A running exchange fails. */
  leave(): void;
  /** Closes all of them for good. A running exchange fails. */
  close(): void;
}

/** The events of one listener. */
export interface OpenListenerEvents extends ListenerEvents {
  opened(where: string): void;
}

interface OpenListener {
  /** Null while no configuration has it. Its clients are then closed at once. */
  named: NamedListener | null;
  /** Where it was opened. */
  readonly place: string;
  readonly events: OpenListenerEvents;
  readonly listener: Listener;
  /** Its socket file is gone, and could not be made again yet. */
  isLost: boolean;
}

const LOOK_MS = 1; // to look at a path takes 3 us

/** Starts with no listeners. `eventsOf` makes the event handlers of each. They see its current configuration. */
export function createListeners(
  inherited: InheritedSockets,
  intake: Intake,
  eventsOf: (named: () => NamedListener) => OpenListenerEvents,
): Listeners {
  let current: readonly OpenListener[] = [];
  const idle = new Set<OpenListener>();
  const broken = new Map<string, unknown>(); // sockets of systemd that do not work: node:net has closed their descriptors
  let closed = false;
  let last: Promise<void> = Promise.resolve(); // exchanges run one after the other

  const openOne = async (named: NamedListener): Promise<OpenListener> => {
    const events = eventsOf(() => open.named ?? named);
    const accept: OpenListenerEvents['accept'] = (socket, since) =>
      open.named === null ? void socket.destroy() : events.accept(socket, since);
    const place = placeOf(named.config);
    if (broken.has(place)) throw broken.get(place);
    const binding = bindingOf(named.config, inherited);
    const lost: OpenListenerEvents['lost'] = (cause) => {
      open.isLost = true;
      events.lost(cause);
    };
    const regained: OpenListenerEvents['regained'] = (where) => {
      open.isLost = false;
      events.regained(where);
    };
    const opening = openListener(binding, { ...events, accept, lost, regained }, intake);
    if (binding.kind === 'inherited') opening.catch((error: unknown) => broken.set(place, error));
    const open: OpenListener = { named, place, events, listener: await opening, isLost: false };
    return open;
  };
  /** A socket of systemd stays open: if it were closed, another file would get the number of its descriptor. */
  const discard = (open: OpenListener, close: () => void): void => {
    if (!isSystemd(open)) return close();
    open.named = null;
    idle.add(open);
  };

  const mapListenerOf = ({ named, listener: { where } }: OpenListener): MapListener[] => {
    if (named?.servedBy !== 'maps') return [];
    const { protocol } = named.config;
    return isSocketMap(protocol) ? [{ where, protocol }] : [];
  };
  let taken: MapListener | null = null;
  let lookedAt = -Infinity;

  const exchange = async (wanted: readonly NamedListener[], takeover: boolean): Promise<void> => {
    refuseDoubles(wanted);
    const gone = [...current, ...idle];
    const fresh: OpenListener[] = [];
    const next: (readonly [OpenListener, NamedListener])[] = [];
    const enter = async (named: NamedListener): Promise<void> => {
      const at = gone.findIndex(({ place }) => place === placeOf(named.config));
      const [kept] = at === -1 ? [] : gone.splice(at, 1);
      const open = kept ?? (await openOne(named));
      if (kept === undefined) fresh.push(open);
      next.push([open, named]);
    };
    try {
      const ours = wanted.filter(({ config }) => config.kind !== 'systemd');
      for (const named of ours) await enter(named);
      const takes = [];
      for (const { listener } of fresh) {
        const replace = takeover || gone.some(({ listener: old }) => old.where === listener.where && old.holds());
        takes.push(await listener.claim(replace));
      }
      // These come last: a client that they accept cannot be given back.
      for (const named of wanted.filter((each) => !ours.includes(each))) await enter(named);
      if (closed) throw new ListenError('the daemon is stopping');
      for (const take of takes) take();
    } catch (error) {
      for (const open of fresh) discard(open, () => open.listener.close());
      throw error;
    }
    for (const [open, named] of next) {
      idle.delete(open);
      open.named = named;
      open.listener.update(bindingOf(named.config, inherited));
    }
    for (const open of gone) discard(open, () => open.listener.retire());
    for (const { events, listener } of fresh) events.opened(listener.where);
    current = next.map(([open]) => open);
  };

  return {
    get where() {
      return current.flatMap(mapListenerOf).map(({ where }) => where);
    },
    get ofMaps() {
      return current.flatMap(mapListenerOf);
    },
    state: () =>
      current.flatMap(({ named, isLost }) =>
        named === null ? [] : [{ name: named.name, servedBy: named.servedBy, hasPath: !isLost }],
      ),
    taken() {
      if (performance.now() - lookedAt > LOOK_MS) {
        lookedAt = performance.now();
        taken = current.filter(({ listener }) => listener.isTaken()).flatMap(mapListenerOf)[0] ?? null;
      }
      return taken;
    },
    files: () =>
      current.flatMap(({ named, listener }) => {
        if (named?.servedBy !== 'maps' || named.config.kind !== 'unix') return [];
        const path = resolve(named.config.path);
        const inode = inodeOf(path);
        return [{ path, inode: listener.holds() ? inode : null }]; // in this order: then the inode is surely ours
      }),
    exchange(wanted, takeover) {
      const next = last.then(() => exchange(wanted, takeover));
      last = next.catch(() => {});
      return next;
    },
    leave() {
      closed = true;
      for (const { listener } of current) listener.leave();
    },
    close() {
      closed = true;
      for (const { listener } of [...current, ...idle]) listener.close();
    },
  };
}

function isSystemd({ place }: OpenListener): boolean {
  return place.startsWith('systemd:');
}

/** The identity of a listener. A socket file gets its mode and owner when it is made, so other ones make another listener. */
function placeOf(config: NamedListener['config']): string {
  if (config.kind === 'systemd') return `systemd:${config.name}`;
  if (config.kind === 'tcp') return formatEndpoint(config);
  return `unix:${resolve(config.path)}:${config.mode}:${config.uid}:${config.gid}`;
}

/** The listeners of a configuration, with the control socket and that of the metrics. */
export function listenersOf({
  listeners,
  control,
  metrics,
}: Pick<Config, 'listeners' | 'control' | 'metrics'>): readonly NamedListener[] {
  const all: NamedListener[] = Array.from(listeners, ([name, config]) => ({ name, config, servedBy: 'maps' }));
  if (control !== null) all.push({ name: 'control', config: control, servedBy: 'control' });
  if (metrics !== null) all.push({ name: 'metrics', config: metrics, servedBy: 'metrics' });
  return all;
}

/** Two listeners in the same place, by their names, and that place. Null: all places differ. */
export function doubleOf(wanted: readonly NamedListener[]): readonly [string, string, string] | null {
  const names = new Map<string, string>();
  for (const { name, config } of wanted) {
    if (config.kind === 'tcp' && config.port === 0) continue; // each gets a port of its own
    const where = config.kind === 'systemd' ? `socket "${config.name}" of systemd` : formatEndpoint(resolved(config));
    const other = names.get(where);
    if (other !== undefined) return [other, name, where];
    names.set(where, name);
  }
  return null;
}

function resolved(config: PlaceConfig) {
  return config.kind === 'unix' ? { ...config, path: resolve(config.path) } : config;
}

/** Two sockets cannot have the same path: the second would take it from the first. Throws ListenError. */
function refuseDoubles(wanted: readonly NamedListener[]): void {
  const double = doubleOf(wanted);
  if (double === null) return;
  const [one, other, where] = double;
  throw new ListenError(`${one} and ${other} both listen on ${where}: remove one of them`);
}

/** What to bind to. A systemd listener names a socket that systemd must have passed to us. */
function bindingOf(config: NamedListener['config'], inherited: InheritedSockets): Binding {
  if (config.kind !== 'systemd') return config;
  const fd = inherited.get(config.name);
  if (fd !== undefined) return { kind: 'inherited', fd };
  const passed = inherited.size === 0 ? 'no socket' : [...inherited.keys()].join(', ');
  throw new ListenError(
    `systemd did not pass the socket "${config.name}" (it passed ${passed}): start smmap.socket, with FileDescriptorName=${config.name}`,
  );
}
