/** A bill of materials in CycloneDX; only what is used here. */
interface Bill {
  readonly serialNumber?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What npm says is in smmap, without the number of this one run, and with the time of the commit (in seconds since 1970). */
export function billOf(printed: string, madeAt: number): string {
  const { serialNumber: _, ...bill } = JSON.parse(printed) as Bill;
  const metadata = { ...bill.metadata, timestamp: new Date(madeAt * 1_000).toISOString() };
  return `${JSON.stringify({ ...bill, metadata }, null, 2)}\n`;
}
