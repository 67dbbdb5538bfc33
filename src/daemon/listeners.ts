import { resolve } from 'node:path';
import type { ListenerConfig } from '../config/config.ts';
import type { InheritedSockets } from '../observe/systemd.ts';
import type { Protocol } from '../protocol/framing.ts';
import { ListenError } from '../socket/claim.ts';
import { formatEndpoint } from '../endpoint.ts';
import type { Intake } from '../socket/intake.ts';
import { type Binding, type Listener, type ListenerEvents, openListener } from '../socket/listener.ts';

/** A listener of a configuration, and who is behind it: the maps, or the control socket's commands. */
export interface Entrance {
  readonly name: string;
  readonly config: ListenerConfig;
  readonly leadsTo: 'maps' | 'control';
}

/** Where the maps are asked, and how. */
export interface Way {
  readonly where: string;
  readonly protocol: Protocol;
}

/** Where clients come in. */
export interface Doors {
  /** Of the maps, as `unix:PATH` and `tcp:HOST:PORT`. */
  readonly where: readonly string[];
  /** The same, with how each is spoken to. */
  readonly ways: readonly Way[];
  /** One whose path another server has taken meanwhile; null where none is known. */
  taken(): Way | null;
  /**
   * Opens what is new, changes what is there already, and closes what is gone, as one: nothing is closed and no path is
   * taken before all can be had. Where one cannot, all is as it was, and ListenError is thrown. With `takeover` a path
   * is also taken from another server.
   */
  exchange(entrances: readonly Entrance[], takeover: boolean): Promise<void>;
  /** Closes them all, for good: an exchange that is under way fails. */
  close(): void;
}

/** What is told of one listener. */
export interface DoorEvents extends ListenerEvents {
  opened(where: string): void;
}

interface Door {
  /** Null while no configuration has it: then its clients are closed at once. */
  entrance: Entrance | null;
  /** Where it was opened. */
  readonly place: string;
  readonly events: DoorEvents;
  readonly listener: Listener;
}

const LOOK_MS = 1; // a look at a path takes 3 us

/**
 * Starts with no listeners. `eventsOf` makes the events of each, which are told under its configuration of the moment.
 */
export function createDoors(
  inherited: InheritedSockets,
  intake: Intake,
  eventsOf: (entrance: () => Entrance) => DoorEvents,
): Doors {
  let doors: readonly Door[] = [];
  const idle = new Set<Door>();
  const broken = new Map<string, unknown>(); // sockets of systemd that are none: node:net has closed their descriptors
  let closed = false;
  let last: Promise<void> = Promise.resolve(); // of the exchanges, which come one after the other

  const open = async (entrance: Entrance): Promise<Door> => {
    const events = eventsOf(() => door.entrance ?? entrance);
    const accept: DoorEvents['accept'] = (socket, since) =>
      door.entrance === null ? void socket.destroy() : events.accept(socket, since);
    const place = placeOf(entrance.config);
    if (broken.has(place)) throw broken.get(place);
    const binding = bindingOf(entrance.config, inherited);
    const opening = openListener(binding, { ...events, accept }, intake);
    if (binding.kind === 'inherited') opening.catch((error: unknown) => broken.set(place, error));
    const door: Door = { entrance, place, events, listener: await opening };
    return door;
  };
  /** A socket of systemd stays open, since the number of its descriptor would become another file's. */
  const discard = (door: Door, close: () => void): void => {
    if (!isSystemd(door)) return close();
    door.entrance = null;
    idle.add(door);
  };

  const wayOf = ({ entrance, listener: { where } }: Door): Way[] =>
    entrance?.leadsTo === 'maps' ? [{ where, protocol: entrance.config.protocol }] : [];
  let taken: Way | null = null;
  let lookedAt = -Infinity;

  const exchange = async (entrances: readonly Entrance[], takeover: boolean): Promise<void> => {
    refuseDoubles(entrances);
    const gone = [...doors, ...idle];
    const fresh: Door[] = [];
    const next: (readonly [Door, Entrance])[] = [];
    const enter = async (entrance: Entrance): Promise<void> => {
      const at = gone.findIndex(({ place }) => place === placeOf(entrance.config));
      const [kept] = at === -1 ? [] : gone.splice(at, 1);
      const door = kept ?? (await open(entrance));
      if (kept === undefined) fresh.push(door);
      next.push([door, entrance]);
    };
    try {
      const ours = entrances.filter(({ config }) => config.kind !== 'systemd');
      for (const entrance of ours) await enter(entrance);
      const takes = [];
      for (const { listener } of fresh) {
        const replace = takeover || gone.some(({ listener: old }) => old.where === listener.where && old.holds());
        takes.push(await listener.claim(replace));
      }
      // Last, since what is accepted there cannot be given back.
      for (const entrance of entrances.filter((each) => !ours.includes(each))) await enter(entrance);
      if (closed) throw new ListenError('the daemon ends');
      for (const take of takes) take();
    } catch (error) {
      for (const door of fresh) discard(door, () => door.listener.close());
      throw error;
    }
    for (const [door, entrance] of next) {
      idle.delete(door);
      door.entrance = entrance;
      door.listener.update(bindingOf(entrance.config, inherited));
    }
    for (const door of gone) discard(door, () => door.listener.retire());
    for (const { events, listener } of fresh) events.opened(listener.where);
    doors = next.map(([door]) => door);
  };

  return {
    get where() {
      return doors.flatMap(wayOf).map(({ where }) => where);
    },
    get ways() {
      return doors.flatMap(wayOf);
    },
    taken() {
      if (performance.now() - lookedAt > LOOK_MS) {
        lookedAt = performance.now();
        taken = doors.filter(({ listener }) => listener.isTaken()).flatMap(wayOf)[0] ?? null;
      }
      return taken;
    },
    exchange(entrances, takeover) {
      const next = last.then(() => exchange(entrances, takeover));
      last = next.catch(() => {});
      return next;
    },
    close() {
      closed = true;
      for (const { listener } of [...doors, ...idle]) listener.close();
    },
  };
}

function isSystemd({ place }: Door): boolean {
  return place.startsWith('systemd:');
}

/**
 * What tells one listener from another. A socket file has its mode and owner from when it is made, so with others it is
 * another one.
 */
function placeOf(config: ListenerConfig): string {
  if (config.kind === 'systemd') return `systemd:${config.name}`;
  if (config.kind === 'tcp') return formatEndpoint(config);
  return `unix:${resolve(config.path)}:${config.mode}:${config.uid}:${config.gid}`;
}

/** Two sockets cannot have one path, and the second would take it from the first. Throws ListenError. */
function refuseDoubles(entrances: readonly Entrance[]): void {
  const names = new Map<string, string>();
  for (const { name, config } of entrances) {
    if (config.kind === 'tcp') continue; // the kernel says so itself, and gives each a port of its own for port 0
    const where = config.kind === 'unix' ? `unix:${resolve(config.path)}` : `socket "${config.name}" of systemd`;
    const other = names.get(where);
    if (other !== undefined) throw new ListenError(`${other} and ${name} both listen on ${where}: remove one of them`);
    names.set(where, name);
  }
}

/** A systemd listener names a socket that has to have been passed in. */
function bindingOf(config: ListenerConfig, inherited: InheritedSockets): Binding {
  if (config.kind !== 'systemd') return config;
  const fd = inherited.get(config.name);
  if (fd !== undefined) return { kind: 'inherited', fd };
  const passed = inherited.size === 0 ? 'none' : [...inherited.keys()].join(', ');
  throw new ListenError(
    `systemd passed in no socket "${config.name}" (but ${passed}): start smmap.socket, and give it FileDescriptorName=${config.name}`,
  );
}
