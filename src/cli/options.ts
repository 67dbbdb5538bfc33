/** The options of commands, as commander passes them. */

export interface ProbeOptions {
  readonly config?: string;
  readonly server?: string;
  readonly map: string;
  readonly protocol?: 'netstring' | 'line';
  readonly timeout: number;
  readonly json?: true;
}

export interface DiffOptions {
  readonly config?: string;
  readonly store: readonly string[];
  readonly with?: string;
  readonly map: string;
  readonly json?: true;
}

export interface ShadowOptions {
  readonly config?: string;
  /** In milliseconds. */
  readonly since?: number;
  readonly map?: string;
  readonly file?: string;
  readonly json?: true;
}

export interface ExplainOptions {
  readonly map: string;
  readonly config?: string;
  readonly control?: string;
  readonly offline?: true;
  readonly timeout: number;
  readonly json?: true;
}

export interface ImportOptions extends WaitOption {
  readonly format: string;
  readonly strict?: true;
  readonly replace?: true;
  readonly allowEmpty?: true;
  readonly allowRemovals?: number;
  readonly allowUnended?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly defaultDomain?: string;
  readonly separator?: string;
}

export interface ListOptions {
  readonly domain?: string;
  readonly all?: true;
  readonly config?: string;
}

export interface ExportOptions {
  readonly format: string;
  readonly output?: string;
  readonly partial?: true;
  readonly route?: string;
}

/** In milliseconds. */
export interface WaitOption {
  readonly wait: number;
}

export interface StoreOption {
  readonly config?: string;
  readonly store?: string;
}

export interface MtaCommandOptions {
  readonly config?: string;
  readonly write?: string;
  readonly force?: true;
  readonly lmtp?: string;
  readonly test?: string | true;
  readonly release?: string;
}

export interface ControlOption {
  readonly config?: string;
  readonly control?: string;
}
