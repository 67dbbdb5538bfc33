// A worker of `smmap serve`, which starts it. Signals to the whole group of processes are for that one: it ends its workers.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

const { work } = await import('./cli/work.ts');
work();
