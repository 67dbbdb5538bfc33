import { DRIVERS, loadDeclarations } from '../../src/store/drivers.ts';

/** Tests read configurations by parseConfig, which loads no drivers. So all of them are loaded before each file of tests. */
await loadDeclarations(Object.keys(DRIVERS));
