import type { MapKind } from '../map/kind.ts';
import { questionsOf, withoutFolders } from '../map/kinds.ts';
import { NOUNS } from '../record/record.ts';
import type { StoreConfig } from '../store/driver.ts';
import { canAnswer, lackOfCanary } from '../store/drivers.ts';
import { formatKey } from '../toml/check.ts';
import type { Mistake } from '../toml/type.ts';
import type { Question } from '../vocabulary.ts';
import type { MapConfig } from './config.ts';

/** A map with the stores that it names. Null if it does not have `stores`. */
export type MapDraft = MapKind & Pick<MapConfig, 'shadow'> & { readonly stores: readonly string[] | null };

/**
 * Chooses the stores that a map asks: those that it names, or all that can answer one of its questions. Each question
 * of a map needs a store that can answer it, and each store of a map needs a question that it can answer. Otherwise
 * `mistakes` gets a mistake.
 */
export function chooseStores(
  name: string,
  { stores, ...kind }: MapDraft,
  known: ReadonlyMap<string, StoreConfig>,
  mistakes: Mistake[],
): MapConfig {
  const questions = questionsOf(kind);
  const answering = (question: Question): string[] =>
    [...known].filter(([, store]) => canAnswer(store, question)).map(([each]) => each);
  const able = new Set(questions.flatMap(answering));
  const chosen = stores ?? [...known.keys()].filter((each) => able.has(each));
  const key = formatKey(['map', name, 'stores']);
  for (const store of chosen.filter((each) => known.has(each) && !able.has(each))) {
    const remedy = `remove it, or give it ${questions.map(nounOf).join(' or ')}`;
    mistakes.push({ key, reason: `"${store}" holds nothing that this map asks for`, remedy });
  }
  for (const question of questions.filter((each) => each.about !== 'mailbox' || each.folder === null)) {
    const others = answering(question);
    if (others.some((each) => chosen.includes(each))) continue;
    const remedy = others.length > 0 ? `add ${others.join(' or ')}` : `add ${nounOf(question)} to a store`;
    mistakes.push({ key, reason: `none of these stores holds ${nounOf(question)}`, remedy });
  }
  // A store without folders may have a mailbox whose folder another store then refuses.
  const [mailbox, folder] = questions;
  if (mailbox !== undefined && folder?.about === 'mailbox') {
    const folderless = answering(mailbox).filter((each) => chosen.includes(each) && !answering(folder).includes(each));
    const remedy = `give it a query for a folder, or ${withoutFolders(kind)}`;
    for (const store of folderless) mistakes.push({ key, reason: `"${store}" knows no folders`, remedy });
  }
  for (const store of chosen) {
    const missing = questions.filter(
      (question) => lackOfCanary(known.get(store) as StoreConfig, question) === 'needed',
    );
    for (const question of missing) {
      const canary = { key: formatKey(['store', store, 'canary']), ...canaryFor(question) };
      if (!mistakes.some((mistake) => mistake.key === canary.key && mistake.reason === canary.reason)) {
        mistakes.push(canary);
      }
    }
  }
  return { ...kind, stores: chosen };
}

function canaryFor(question: Question): Omit<Mistake, 'key'> {
  const [what, remedy] =
    question.about === 'key'
      ? [`the table ${question.table}`, `tables = { ${question.table} = "a key that always exists" }`]
      : [NOUNS[question.about][1], `${question.about} = "one that always exists"`];
  return {
    reason: `is missing for ${what}, so nobody would notice that they are lost`,
    remedy: `give it ${remedy}`,
  };
}

function nounOf(question: Question): string {
  if (question.about === 'key') return `a table ${question.table}`;
  return question.about === 'mailbox' && question.folder !== null ? 'folders' : NOUNS[question.about][1];
}
