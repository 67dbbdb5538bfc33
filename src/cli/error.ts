/** Exit codes, named as in sysexits.h. */
export const EXIT = {
  USAGE: 64,
  DATA: 65,
  UNAVAILABLE: 69,
  BUG: 70,
  CANNOT_CREATE: 73,
  IO: 74,
  TEMPORARY: 75,
  PROTOCOL: 76,
  CONFIG: 78,
} as const;

/** An error that ends a command: its message for the user, without a stack, and the exit code. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
