import { type Context, complain, type Mistake, z } from '../../../toml/type.ts';
import { QUERIES, type QueryName } from '../../asked.ts';
import { OLD_NAMES, type Preset, PRESETS } from './presets.ts';
import { EMPTY_ARRAY, readAbsent, USUAL_ABSENCE } from './read-match.ts';
import { readRequest, type Surroundings } from './read-request.ts';
import { type absent, type RequestTable, request } from './request-keys.ts';
import type { HttpRequest, HttpRequests } from './request.ts';

/** What the section of a store says about its requests. */
type Raw = {
  readonly preset: string | null;
  readonly url: string | null;
  readonly absent: z.output<typeof absent> | null;
} & { readonly [name in QueryName]: z.output<typeof request> | null };

/** The requests of a store: its own, and those of its preset for what it has no request for. Adds the mistakes. */
export function readRequests(raw: Raw, context: Context): HttpRequests {
  const mistakes: Mistake[] = [...presetMistakes(raw)];
  const surroundings: Surroundings = { absent: absencesOf(raw, mistakes), urlOf: (written) => written };
  const requests = new Map<QueryName, readonly HttpRequest[]>();
  for (const name of QUERIES) {
    const own = raw[name];
    const read = own === null ? presetRequests(name, raw, mistakes) : ownRequests(name, own, surroundings, mistakes);
    if (read.length > 0) requests.set(name, read);
  }
  if (mistakes.length === 0 && requests.size === 0) {
    const remedy = `give preset, or at least one of ${QUERIES.join(', ')}`;
    mistakes.push({ key: '', reason: 'has neither a preset nor a request', remedy });
  }
  complain(context, mistakes);
  return Object.fromEntries(requests);
}

function ownRequests(
  name: QueryName,
  written: z.output<typeof request>,
  surroundings: Surroundings,
  mistakes: Mistake[],
): readonly HttpRequest[] {
  const found: Mistake[] = [];
  const read = tablesOf(written).flatMap((table, at) => {
    const key = Array.isArray(written) ? `${name}.${at}` : name;
    return readRequest(name, table, key, surroundings, found) ?? [];
  });
  // A request that is only a URL has no keys of its own.
  mistakes.push(...(typeof written === 'string' ? found.map((mistake) => ({ ...mistake, key: name })) : found));
  return read;
}

function presetRequests(name: QueryName, raw: Raw, mistakes: Mistake[]): readonly HttpRequest[] {
  const written = presetOf(raw)?.[name];
  const { url } = raw;
  if (written === undefined || url === null) return [];
  const base = url.replace(/\/$/, '');
  const urlOf = (text: string): string => text.replace(/^URL/, () => (text.startsWith('URL/') ? base : url));
  const found: Mistake[] = [];
  const read = ownRequests(name, request.parse(written), { absent: USUAL_ABSENCE, urlOf }, found);
  const [mistake] = found;
  if (mistake !== undefined && !mistakes.some(({ key }) => key === 'url')) mistakes.push({ ...mistake, key: 'url' });
  return read;
}

function tablesOf(written: z.output<typeof request>): readonly RequestTable[] {
  return typeof written === 'string' ? [{ get: written, encode: 'once' }] : [written].flat();
}

/** What the key `absent` of the store says, besides an empty array. */
function absencesOf({ absent: written }: Raw, mistakes: Mistake[]): Surroundings['absent'] {
  if (written === null) return USUAL_ABSENCE;
  return [...[written].flat().map((each) => readAbsent(each, 'absent', mistakes)), EMPTY_ARRAY];
}

function presetOf({ preset }: Raw): Preset | undefined {
  const name = preset !== null && Object.hasOwn(OLD_NAMES, preset) ? OLD_NAMES[preset] : preset;
  return typeof name === 'string' && Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
}

function presetMistakes(raw: Raw): readonly Mistake[] {
  if (raw.preset === null) {
    if (raw.url === null) return [];
    const remedy = 'give preset, or a URL for each question, such as mailbox = "http://.../:address"';
    return [{ key: 'url', reason: 'is used only with a preset', remedy }];
  }
  if (presetOf(raw) === undefined) {
    const remedy = `give one of ${Object.keys(PRESETS).join(', ')}, or requests of your own`;
    return [{ key: 'preset', reason: `is "${raw.preset}", which is not known`, remedy }];
  }
  const own = QUERIES.some((name) => raw[name] !== null);
  if (raw.absent !== null && !own) {
    const remedy = 'remove it: the preset knows what an absence is';
    return [{ key: 'absent', reason: 'is used only by requests of your own', remedy }];
  }
  if (raw.url !== null) return [];
  return [{ key: 'url', reason: 'is missing', remedy: 'give the URL of the application, such as "http://admin:8080"' }];
}
