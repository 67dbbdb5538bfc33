import { foldLocal } from '../../address/address.ts';
import { parseTargets } from '../../address/target.ts';
import type { Alias } from '../../record/alias.ts';
import { type Identity, nameOf } from '../../record/record.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import type { Writer } from '../../store/driver/embedded/writer.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { type ChangeRules, withRecords } from './access.ts';
import type { Scope } from './kind.ts';
import { identityOf, withoutFlaw, warnOfMissing } from './named.ts';
import { printResults, type Result, resultOf } from './result.ts';

/**
 * Removes records. Resolves to 1 if one does not exist. If the names are an alias and then one of its targets, throws CliError
 * and removes nothing: the user wants to remove that target, and would lose the alias.
 */
export function remove(scope: Scope, names: readonly string[], dir: string, rules: ChangeRules): Promise<number> {
  const identities = names.map((name) => identityOf(scope, name));
  return change(dir, rules, (store, writer, results) => {
    if (scope.kind === 'alias') refuseTarget(store, identities, names);
    const missing = identities.filter((identity) => {
      const removed = writer.remove(identity);
      results.push([nameOf(identity), removed ? 'removed' : 'absent']);
      return !removed;
    });
    for (const identity of missing) warnOfMissing(identity, store);
    return missing.length;
  });
}

/** Removes targets from aliases. Resolves to 1 if one does not exist. Throws CliError if an alias would have no target. */
export function removeTargets(
  names: readonly string[],
  targets: readonly string[],
  dir: string,
  rules: ChangeRules,
): Promise<number> {
  const scope: Scope = { kind: 'alias', table: '' };
  const identities = names.map((name) => identityOf(scope, name));
  const going = withoutFlaw(parseTargets(targets.join(','))).map(({ text }) => text);
  return change(dir, rules, (store, writer, results) => {
    let missing = 0;
    for (const identity of identities) {
      const alias = aliasAt(store, identity);
      if (alias === null) {
        warnOfMissing(identity, store);
        results.push([nameOf(identity), 'absent']);
        missing++;
        continue;
      }
      const absent = going.filter((target) => !has(alias, target));
      for (const target of absent) warn(`${nameOf(alias)}: ${target} is not one of its targets`);
      missing += absent.length;
      const left = alias.targets.filter((target) => !going.some((each) => isSame(each, target)));
      if (left.length === 0) {
        throw new CliError(
          EXIT.DATA,
          `${nameOf(alias)}: would have no target; to remove the alias, leave out --target. Nothing was removed`,
        );
      }
      const became = writer.put({ ...alias, targets: left });
      results.push([nameOf(alias), resultOf(became ?? 'same')]);
    }
    return missing;
  });
}

type Results = (readonly [name: string, result: Result])[];

/** Changes a store that exists, in one transaction. `work` returns how many records were missing, and adds to the results. */
async function change(
  dir: string,
  { json, waitMs }: ChangeRules,
  work: (store: Records, writer: Writer, results: Results) => number,
): Promise<number> {
  const results: Results = [];
  let missing = 0;
  const write = (store: Records): boolean =>
    store.write((writer) => {
      missing = work(store, writer, results);
      return true;
    });
  await withRecords(dir, 'write', write, waitMs);
  await printResults(results, json);
  return missing > 0 ? 1 : 0;
}

function refuseTarget(store: Records, [first, ...others]: readonly Identity[], names: readonly string[]): void {
  const alias = first === undefined ? null : aliasAt(store, first);
  if (alias === null) return;
  const at = others.findIndex((other) => has(alias, nameOf(other)));
  if (at === -1) return;
  const [address, target] = [names[0], names[at + 1]];
  throw new CliError(
    EXIT.USAGE,
    `${target} is a target of ${address}. To remove the target: smmap alias remove --target ${target} ${address}. To remove both aliases, use two commands. Nothing was removed`,
  );
}

function aliasAt(store: Records, identity: Identity): Alias | null {
  const found = store.get(identity);
  return found?.about === 'alias' ? found : null;
}

function has(alias: Alias, target: string): boolean {
  return alias.targets.some((each) => isSame(each, target));
}

function isSame(one: string, other: string): boolean {
  return foldLocal(one) === foldLocal(other);
}
