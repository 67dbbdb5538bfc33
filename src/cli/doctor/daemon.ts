import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { OTHER_DESCRIPTORS } from '../../daemon/running.ts';
import { formatEndpoint } from '../../endpoint.ts';
import { withControl } from '../ask.ts';
import { CliError, EXIT } from '../error.ts';
import { type Finding, mistake, warning } from '../finding.ts';
import { type StoreLine, textOfLoss } from '../stores.ts';
import { outputOf } from '../system.ts';

const SECONDS = 1_000;

/** What the running daemon says of its stores, and whether it is the one that is installed. */
export async function examineDaemon(config: Config, file: string | null, program: string): Promise<Finding[]> {
  if (config.control === null) {
    const reason = 'there is no control socket, so nobody can ask the daemon about its stores';
    return [warning({ where: 'daemon', reason, remedy: 'add path to [control]' })];
  }
  const where = 'daemon';
  let stores: readonly StoreLine[];
  try {
    ({ stores } = await withControl(formatEndpoint(config.control), (ask) => ask<{ stores: [] }>('stores', '')));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const reason = `does not answer at its control socket: ${error.message.split('\n')[0]}`;
    const commands = ['systemctl start smmap', 'journalctl -u smmap -n 20'];
    return [mistake(EXIT.UNAVAILABLE, { where, reason, remedy: 'start it', commands })];
  }
  const heldBack = stores.flatMap(({ name, held = [] }) => {
    if (held.length === 0) return [];
    const reason = `holds back its new list: ${held.map(textOfLoss).join('; ')}`;
    const remedy = 'write the list again; if they are gone on purpose, take the new list';
    const commands = [`smmap stores release ${name}`];
    return [mistake(EXIT.UNAVAILABLE, { where: `store ${name}`, reason, remedy, commands })];
  });
  const troubles = stores.flatMap(({ name, servers = [], held = [] }) =>
    servers.flatMap(({ name: server, trouble, since }) => {
      if (trouble === null || held.some(({ gone, before }) => trouble.startsWith(`${gone} of ${before} records`)))
        return [];
      const reason = `${server}: ${trouble} (since ${since})`;
      const commands = [`smmap check ${file === null ? '' : `--config ${file} `}--stores`];
      const remedy = trouble.startsWith('not trusted') ? 'look at its data' : 'see what to grant or start';
      return [mistake(EXIT.UNAVAILABLE, { where: `store ${name}`, reason, remedy, commands })];
    }),
  );
  const pid = pidOf(config.control.path);
  return [...heldBack, ...troubles, ...(pid === null ? [] : examineProcess(pid, config, program))];
}

/** The process that serves: what smmap-keeper has written beside the socket, or the main process of the unit. */
function pidOf(control: string): number | null {
  try {
    return Number.parseInt(readFileSync(join(dirname(control), 'worker'), 'latin1'), 10) || null;
  } catch {
    return Number(outputOf('systemctl', ['show', 'smmap.service', '--property=MainPID', '--value'])?.trim()) || null;
  }
}

/** Whether a process is older than the program that is installed now, and may open enough files. Root can look. */
function examineProcess(pid: number, { limits }: Config, program: string): Finding[] {
  const findings: Finding[] = [];
  const where = 'daemon';
  const commands = ['systemctl restart smmap'];
  const remedy = 'restart it, which loses no lookup';
  const startedAt = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.ctimeMs;
  if (startedAt === undefined) return [];
  if (statSync(program).ctimeMs > startedAt + SECONDS) {
    const reason = `process ${pid} runs since before ${program} was installed, so it is another version`;
    findings.push(warning({ where, reason, remedy, commands }));
  }
  try {
    const node = readlinkSync(`/proc/${pid}/exe`);
    if (node !== process.execPath) {
      const reason = `process ${pid} runs with ${node}, and commands run with ${process.execPath}`;
      findings.push(warning({ where, reason, remedy, commands }));
    }
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
    const wanted = limits.hardConnections + OTHER_DESCRIPTORS;
    if (soft !== undefined && Number(soft) < wanted) {
      const reason = `process ${pid} may open ${soft} files and sockets, but limits.hard_connections needs ${wanted}`;
      const edit = `printf '[Service]\\nLimitNOFILE=${wanted}\\n' | systemctl edit --stdin smmap`;
      findings.push(
        warning({ where, reason, remedy: 'raise the limit, or lower hard_connections', commands: [edit, ...commands] }),
      );
    }
  } catch {
    // only root, and the user of the daemon, may look there
  }
  return findings;
}
