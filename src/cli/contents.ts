import type { Config, MapConfig } from '../config/config.ts';
import { kindOf, questionsOf } from '../map/kinds.ts';
import type { StoreConfig } from '../store/driver.ts';
import { canAnswer, driverOf, lacksValue } from '../store/drivers.ts';
import { openStore, UNTOLD } from '../store/open.ts';
import { EmptyStoreError, type Store, StoreError } from '../store/store.ts';
import type { Question } from '../vocabulary.ts';
import { EXIT } from './error.ts';
import { type Finding, mistake } from './finding.ts';

/**
 * Returns a finding for each map that replies TEMP for ever because of a store: an embedded store was never filled with what the
 * map asks for, or another store has no values for it. A store that is missing or cannot be opened is not a mistake of the
 * configuration: the log of the daemon tells of it.
 */
export async function findGaps({ stores, maps }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, map] of maps) {
    for (const each of map.stores) {
      const store = stores.get(each) as StoreConfig;
      for (const lack of await lacksOf(map, store)) {
        const [lacks = '', remedy = ''] = lack.split(/; (.*)/s, 2);
        const reason = `replies TEMP to each key that it does not find: store ${each}: ${lacks}`;
        findings.push(mistake(EXIT.DATA, { where: `map ${name}`, reason, remedy }));
      }
      for (const question of questionsOf(map)) {
        if (!canAnswer(store, question) || !lacksValue(store, question)) continue;
        const noun = question.about === 'key' ? 'key' : 'alias';
        const remedy = `give its ${noun} a value (in SQL, a column "value"), see docs/stores/README.md`;
        const reason = `replies TEMP to each key that it finds: store ${each} has no value for it`;
        findings.push(mistake(EXIT.DATA, { where: `map ${name}`, reason, remedy }));
      }
    }
  }
  return findings;
}

/** The kinds of record that were never written to a store that smmap can list. */
async function lacksOf(map: MapConfig, store: StoreConfig): Promise<readonly string[]> {
  const { records } = driverOf(store);
  if (records === undefined || records.missing(store) !== null) return [];
  const lacks = new Set<string>();
  let opened: Store | null = null;
  try {
    opened = await openStore(store, UNTOLD);
    for (const question of mainQuestionsOf(map).filter((each) => canAnswer(store, each))) {
      const lack = await lackOf(opened, question);
      if (lack !== null) lacks.add(lack);
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  } finally {
    await opened?.close();
  }
  return [...lacks];
}

async function lackOf(store: Store, question: Question): Promise<string | null> {
  try {
    await store.lookup(question);
    return null;
  } catch (error) {
    if (error instanceof EmptyStoreError) return error.message;
    throw error;
  }
}

/** What a map asks for most keys. */
function mainQuestionsOf(map: MapConfig): readonly Question[] {
  const kind = kindOf(map);
  return questionsOf(map).filter((question) => kind.isRare?.(question) !== true);
}
