import type { Config, ListenerConfig } from './config/config.ts';
import type { InheritedSockets } from './observe/systemd.ts';
import { ListenError } from './socket/claim.ts';
import { formatEndpoint } from './socket/endpoint.ts';
import { type Binding, type Listener, type ListenerEvents, openListener } from './socket/listener.ts';

/** Where clients come in: the listeners of a configuration. */
export interface Doors {
  /** As `unix:PATH` and `tcp:HOST:PORT`. */
  readonly where: readonly string[];
  /**
   * Opens what is new, changes who may enter what is there already, and closes what is gone. Where one cannot be had, all
   * is as it was, and ListenError is thrown.
   */
  exchange(listeners: Config['listeners'], takeover: boolean): Promise<void>;
  close(): void;
}

/** What is told of one listener. */
export interface DoorEvents extends ListenerEvents {
  opened(where: string): void;
}

interface Door {
  readonly events: DoorEvents;
  readonly listener: Listener;
  config: ListenerConfig;
}

/** Without any listener yet. What is told of each is made under its name, and in its configuration of the moment. */
export function createDoors(
  inherited: InheritedSockets,
  eventsOf: (name: string, config: () => ListenerConfig) => DoorEvents,
): Doors {
  let doors: readonly Door[] = [];

  const open = async (name: string, config: ListenerConfig): Promise<Door> => {
    const events = eventsOf(name, () => door.config);
    const door: Door = { events, config, listener: await openListener(bindingOf(config, inherited), events) };
    return door;
  };

  return {
    get where() {
      return doors.map(({ listener }) => listener.where);
    },
    async exchange(listeners, takeover) {
      const gone = [...doors];
      const fresh: Door[] = [];
      const next: (readonly [Door, ListenerConfig])[] = [];
      try {
        for (const [name, config] of listeners) {
          const at = gone.findIndex((door) => placeOf(door.config) === placeOf(config));
          const [kept] = at === -1 ? [] : gone.splice(at, 1);
          const door = kept ?? (await open(name, config));
          if (kept === undefined) fresh.push(door);
          next.push([door, config]);
        }
        for (const door of fresh) await door.listener.claim(takeover);
        for (const [door, config] of next) door.listener.update(bindingOf(config, inherited));
      } catch (error) {
        for (const { listener } of fresh) listener.close();
        for (const { listener, config } of doors) listener.update(bindingOf(config, inherited));
        throw error;
      }
      for (const [door, config] of next) door.config = config;
      for (const { listener } of gone) listener.close();
      for (const { events, listener } of fresh) events.opened(listener.where);
      doors = next.map(([door]) => door);
    },
    close() {
      for (const { listener } of doors) listener.close();
    },
  };
}

/** What tells one listener from another, whoever may enter. */
function placeOf(config: ListenerConfig): string {
  return config.kind === 'systemd' ? `systemd:${config.name}` : formatEndpoint(config);
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
