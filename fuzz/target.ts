/** Fails for an input that breaks what must be so. */
export type Target = (bytes: Buffer) => void | Promise<void>;
