import { createRequire } from 'node:module';
import type { Table } from './check.ts';

// As CommonJS it is one file instead of nine, and each costs the start a millisecond of CPU.
const { TomlError, parse, stringify } = createRequire(import.meta.url)('smol-toml') as typeof import('smol-toml');

/** A text that is not TOML. The message is the reason. */
export class DocumentError extends Error {
  override name = 'DocumentError';
  readonly line: number;
  readonly column: number;

  constructor(reason: string, line: number, column: number) {
    super(reason);
    this.line = line;
    this.column = column;
  }
}

/** Reads a TOML text. Throws DocumentError. */
export function parseDocument(text: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split('\n')[0] as string).replace(/^Invalid TOML document: /, '');
    throw new DocumentError(reason, error.line, error.column);
  }
}

/** Writes tables as a TOML text. */
export function formatDocument(tables: Table): string {
  return Object.keys(tables).length === 0 ? '' : `${stringify(tables).trimEnd()}\n`;
}
