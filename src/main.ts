#!/usr/bin/env node
// Before anything else is loaded: a SIGHUP that comes meanwhile would end the daemon. `serve` obeys later ones.
const serves = process.argv[2] === 'serve';
if (serves) process.on('SIGHUP', () => {});

const { run } = await import('./cli/program.ts');
process.exitCode = await run(process.argv);
// Whatever else is open: a store that cannot be reached, a lookup of its name.
if (serves) process.exit();
