import { fileURLToPath } from 'node:url';
import { defineConfig, type PreRenderedChunk, type RolldownOptions } from 'rolldown';
import npm from './package.json' with { type: 'json' };

// Puts the modules of each program into a few files: Node 20 needs a third of a millisecond of CPU or more to load a file.

const SOURCE = fileURLToPath(new URL('src/', import.meta.url));

/** Files, and whose modules are in them: all that these import, but for what stands in a file above. */
const FILES: readonly (readonly [string, readonly string[]])[] = [
  ['command', ['cli/program.ts']],
  ['asking', ['cli/asking.ts', 'cli/probe.ts', 'cli/health.ts', 'cli/keeper.ts']],
  ['control', ['cli/configuration.ts']],
  ['configuration', ['config/load.ts', 'store/driver/embedded/keys.ts', 'store/driver/embedded/format.ts']],
  ['embedded', ['store/driver/embedded/driver.ts']],
  ['stores', ['store/open.ts', 'daemon/maps.ts']],
  ['serve', ['cli/serve.ts']],
];

const COMMON: RolldownOptions = {
  platform: 'node',
  logLevel: 'warn',
  checks: { ineffectiveDynamicImport: false }, // whoever imports it at once loads it anyway
  external: Object.keys({ ...npm.dependencies, ...npm.optionalDependencies }),
};

/** A module and all that it imports at once. */
function withImports(id: string, importsOf: (id: string) => readonly string[], found = new Set<string>()): Set<string> {
  if (found.has(id)) return found;
  found.add(id);
  for (const each of importsOf(id)) withImports(each, importsOf, found);
  return found;
}

/** Such as `store-driver-redis-keys`, because errors name a file that is missing. */
function nameOf({ name, facadeModuleId, moduleIds }: PreRenderedChunk): string {
  if (FILES.some(([file]) => file === name)) return name;
  const module = facadeModuleId ?? moduleIds.at(-1);
  return module?.startsWith(SOURCE) === true ? module.slice(SOURCE.length, -'.ts'.length).replaceAll('/', '-') : name;
}

export default defineConfig([
  {
    ...COMMON,
    preserveEntrySignatures: false,
    input: { main: `${SOURCE}main.ts`, worker: `${SOURCE}worker.ts` },
    output: {
      dir: 'dist',
      chunkFileNames: (chunk) => `chunks/${nameOf(chunk)}-[hash].js`, // a daemon must not load a file of another version
      codeSplitting: {
        includeDependenciesRecursively: false, // the function below has them
        groups: [
          {
            debugName: 'FILES',
            name(id, modules) {
              const importsOf = (from: string): readonly string[] => modules.getModuleInfo(from)?.importedIds ?? [];
              const [name] =
                FILES.find(([, roots]) => roots.some((root) => withImports(SOURCE + root, importsOf).has(id))) ?? [];
              return name ?? null;
            },
          },
        ],
      },
    },
  },
  { ...COMMON, input: `${SOURCE}library.ts`, output: { file: 'dist/library.js' } },
]);
