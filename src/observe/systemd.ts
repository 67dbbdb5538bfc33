/** The sockets that systemd passed to us, by their FileDescriptorName. */
export type InheritedSockets = ReadonlyMap<string, number>;

const FIRST_FD = 3; // SD_LISTEN_FDS_START of sd_listen_fds(3)

/** Reads them from the environment. Empty if there are none, or if they are for another process. */
export function inheritedSockets(environment: NodeJS.ProcessEnv, pid: number): InheritedSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  if (LISTEN_PID !== String(pid)) return new Map();
  const names = (LISTEN_FDNAMES ?? '').split(':');
  const count = Number(LISTEN_FDS);
  return new Map(Array.from({ length: count }, (_, at) => [names[at] || `fd${FIRST_FD + at}`, FIRST_FD + at]));
}
