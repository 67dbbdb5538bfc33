import { parseConfig } from '../../src/config/load.ts';
import { DRIVERS, driverOf, loadDeclarations } from '../../src/store/drivers.ts';
import { openStore } from '../../src/store/open.ts';

await loadDeclarations(Object.keys(DRIVERS));

/** Those of the source, which load no drivers. Here all of them are loaded. */
export { driverOf, openStore, parseConfig };
