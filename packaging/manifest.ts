import type { Lock } from './modules.ts';

/** A package.json; only what is used here. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/** What only a clone needs. */
const OF_A_CLONE = new Set(['scripts', 'devDependencies', 'overrides', 'allowScripts']);

/**
 * The package.json of the tarball: no scripts, and every package that smmap needs, also through others, in the one version
 * that package-lock.json names. npm does not obey a lock or a shrinkwrap of what it installs, but it obeys this.
 */
export function published(manifest: Manifest, { packages }: Lock): Manifest {
  const kept = Object.entries(manifest).filter(([key]) => !OF_A_CLONE.has(key));
  const locked = Object.entries(packages).flatMap(([folder, { version, dev, optional, devOptional, os, cpu }]) => {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(folder) ?? []; // a package in a package cannot be named
    const isOfAnyMachine = os === undefined && cpu === undefined; // each other is named exactly by what needs it
    return name === undefined || version === undefined || dev === true || !isOfAnyMachine
      ? []
      : [{ name, version, isOptional: optional === true || devOptional === true }];
  });
  const versionsOf = (isOptional: boolean): Readonly<Record<string, string>> =>
    Object.fromEntries(
      locked.filter((each) => each.isOptional === isOptional).map(({ name, version }) => [name, version]),
    );
  return { ...Object.fromEntries(kept), dependencies: versionsOf(false), optionalDependencies: versionsOf(true) };
}
