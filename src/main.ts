#!/usr/bin/env node
// First of all, because a SIGHUP during loading would end the daemon. `serve` handles later ones.
const serves = process.argv[2] === 'serve';
if (serves) process.on('SIGHUP', () => {});

const { run } = await import('./cli/program.ts');
process.exitCode = await run(process.argv);
// Something may still be open: a store that is unavailable, or a lookup of its name.
if (serves) process.exit();
