/** Smaller losses are not reported: to remove ten records is done on purpose, and a tenth is a day's work. */
export const UNNOTICED = { records: 10, share: 0.1 } as const;

/** Whether a loss of so many of so many records must be reported. */
export function isLargeLoss(going: number, of: number): boolean {
  return going > UNNOTICED.records && going > of * UNNOTICED.share;
}
