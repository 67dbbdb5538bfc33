/** A package as package-lock.json has it; only what is used here. */
interface Locked {
  readonly version?: string;
  /** Only the tests need it. */
  readonly dev?: boolean;
  /** smmap works without it. */
  readonly optional?: boolean;
  /** As `optional`, and the tests need it too. */
  readonly devOptional?: boolean;
  /** The kinds of machine that it is for. */
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** What package-lock.json says: packages by their folder, such as `node_modules/pino`; `''` is smmap itself. */
export interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

/** The folders of the packages that smmap loads. */
export interface Modules {
  /** What the daemon with its embedded store needs. */
  readonly core: readonly string[];
  /** What only the drivers of other stores, and the metrics, need. */
  readonly drivers: readonly string[];
}

/** They only build or fetch what is built already, or what another package does without: msgpackr has it in JavaScript. */
const NOT_LOADED = new Set(['node-addon-api', 'prebuild-install', 'msgpackr-extract']);

/** Finds what smmap loads, among the folders that `isThere`: a lock also has the packages of other kinds of machine. */
export function modulesOf({ packages }: Lock, isThere: (folder: string) => boolean): Modules {
  const root = packages[''] ?? {};
  /** As Node looks for a package: beside the one that needs it, then beside the one around that. */
  const folderOf = (name: string, from: string): string | null => {
    const folder = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
    if (Object.hasOwn(packages, folder)) return isThere(folder) ? folder : null;
    return from === '' ? null : folderOf(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))));
  };
  const reach = (names: readonly string[], from: string, found: Set<string>): Set<string> => {
    for (const name of names) {
      const folder = NOT_LOADED.has(name) ? null : folderOf(name, from);
      if (folder === null || found.has(folder)) continue;
      found.add(folder);
      const { dependencies = {}, optionalDependencies = {} } = packages[folder] as Locked;
      reach(Object.keys({ ...dependencies, ...optionalDependencies }), folder, found);
    }
    return found;
  };
  const core = reach(Object.keys(root.dependencies ?? {}), '', new Set());
  const all = reach(Object.keys(root.optionalDependencies ?? {}), '', new Set(core));
  return { core: [...core].toSorted(), drivers: [...all].filter((folder) => !core.has(folder)).toSorted() };
}
