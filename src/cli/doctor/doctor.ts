import { type Config, ConfigError } from '../../config/config.ts';
import { daemonOf, examine } from '../check.ts';
import type { Configuration } from '../configuration.ts';
import { EXIT } from '../error.ts';
import { exitCodeOf, type Finding, mistake, printFindings, warning } from '../finding.ts';
import { MAIN } from '../own.ts';
import { checkAsked, type MailServer, unasked } from './asked.ts';
import { examineDaemon } from './daemon.ts';
import { examineExim } from './exim.ts';
import { examineOpensmtpd } from './opensmtpd.ts';
import { examinePostfix } from './postfix.ts';
import { examineSelinux } from './selinux.ts';
import { examineSendmail } from './sendmail.ts';

/**
 * Looks at the configuration, the running daemon and the mail servers of this machine, and prints what is wrong with the
 * commands that mend it. Changes nothing. Resolves to the exit code.
 */
export async function doctor(configuration: Configuration, json: boolean): Promise<number> {
  const { file, name, places } = configuration;
  const findings: Finding[] = [];
  const servers: MailServer[] = [];
  if (process.getuid?.() !== 0) {
    const reason = 'only root can try the sockets as the users of mail servers, and look at the daemon';
    findings.push(warning({ where: 'user', reason, remedy: 'run it again as root' }));
  }
  try {
    const config = await configuration.load();
    const daemon = daemonOf({ json, stores: false, user: null });
    const ofFile = await examine(config, places, daemon, false);
    for (const each of ofFile) findings.push({ ...each, where: `${name}: ${each.where}` });
    findings.push(...(await examineDaemon(config, file, MAIN)));
    const found = [examinePostfix(config), examineExim(config), examineSendmail(config), examineOpensmtpd()].filter(
      (each) => each !== null,
    );
    for (const each of found) {
      servers.push(each.server);
      findings.push(...each.findings, ...checkAsked(each.server, config, name));
    }
    findings.push(...examineSelinux(servers));
    findings.push(...checkUnasked(config, servers, name));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { key, line, reason, remedy } of error.mistakes) {
      const where = `${line === null ? name : `${name}:${line}`}: ${key}`;
      findings.push(mistake(EXIT.CONFIG, { where, reason, remedy }));
    }
  }
  const facts = { config: file, mailServers: servers.map((each) => each.name) };
  const clean = `no mistakes (${name}; ${['the daemon', ...facts.mailServers].join(', ')})`;
  printFindings(findings, { json, before: null, clean, facts });
  return exitCodeOf(findings);
}

function checkUnasked(config: Config, servers: readonly MailServer[], name: string): Finding[] {
  if (servers.every(({ asked }) => asked.length === 0)) {
    const names = servers.map((each) => each.name).join(', ') || 'no mail server that smmap knows';
    const reason = `found ${names}, and none of them asks smmap`;
    const commands = ['smmap mta --help'];
    return [warning({ where: 'mail servers', reason, remedy: 'print what to put into its files', commands })];
  }
  return unasked(config, servers).map((map) => {
    const reason = `no mail server of this machine asks the map ${map}`;
    return warning({ where: name, reason, remedy: `name it in the mail server, or remove [map.${map}]` });
  });
}
