import { bytesOf, type Db } from './lmdb.ts';

const APPEND = { append: true } as const;

/**
 * A function that puts a text within a transaction. If its key is behind all others, LMDB need not search for its
 * place, which takes a third of the time. It returns false if the key is not: then LMDB has refused it there, and has
 * searched after all.
 */
export function createAppend(db: Db): (key: string, text: string) => boolean {
  let lastText: string | null = null;
  let value = ''; // the bytes of that text: most records have the text of the one before
  return (key, text) => {
    if (text !== lastText) value = bytesOf(text);
    lastText = text;
    const isBehindAll: unknown = db.putSync(key, value, APPEND); // what it returns is in no type of lmdb
    if (isBehindAll === true) return true;
    db.putSync(key, text);
    return false;
  };
}
