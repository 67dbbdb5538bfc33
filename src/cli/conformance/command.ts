import { parseEndpoint } from '../../endpoint.ts';
import { Argument, type Command, Option, collect, parseSeconds } from '../command.ts';
import { CliError, EXIT } from '../error.ts';
import { CONFORMANCE_HELP } from './help.ts';

interface Options {
  readonly protocol: 'netstring' | 'line';
  readonly map: string;
  readonly known?: string;
  readonly unknown?: string;
  readonly serverCommand?: string;
  readonly only: readonly string[];
  readonly strict?: true;
  readonly timeout: number;
  readonly idle: number;
  readonly late: number;
  readonly junit?: string;
  readonly json?: true;
  readonly list?: true;
}

/** Adds the command that tests any socket map server. */
export function addConformance(program: Command, exit: (code: number) => void): void {
  program
    .command('conformance')
    .summary('test whether a socket map server keeps the protocol')
    .description(
      'Tests any socket map server, of whomever, with a case for each rule of the protocol. Sends it also what is broken, so do not test a server in use.',
    )
    .addArgument(new Argument('[endpoint]', 'unix:PATH or tcp:HOST:PORT of the server'))
    .addOption(
      new Option('-p, --protocol <protocol>', 'the framing; line is that of OpenSMTPD')
        .choices(['netstring', 'line'])
        .default('netstring'),
    )
    .option('-m, --map <name>', 'the name of a map that the server has', 'mailbox')
    .option('--known <key>', 'a key that is found in the map; without it some cases are skipped')
    .option('--unknown <key>', 'a key that is not found in the map; without it some cases are skipped')
    .option('--server-command <command>', 'start the server by this, and end it at the end; for cases that stop it')
    .addOption(
      new Option(
        '--only <pattern>',
        'only cases with such an id, as framing/length/*, or of such a group, as framing; may be repeated',
      )
        .argParser(collect)
        .default([], 'all'),
    )
    .option('--strict', 'exit code 1 also if a SHOULD fails')
    .option('-t, --timeout <seconds>', 'how long to wait for each reply', parseSeconds, 5)
    .option('--idle <seconds>', 'how long an idle client is silent', parseSeconds, 11)
    .option('--late <seconds>', 'how long the server is stopped before a late answer', parseSeconds, 31)
    .option('--junit <file>', 'write the results to this file as JUnit XML')
    .option(
      '--json',
      'print JSON, an object a line: id, level, verdict, rule, source, why, ms, wire; at the end a summary; with --list: id, level, rule, source, needs',
    )
    .option('--list', 'print the cases instead')
    .addHelpText('after', CONFORMANCE_HELP)
    .action(async (endpoint: string | undefined, options: Options) => {
      const { listCases, testServer } = await import('./conformance.ts');
      const { protocol, map, known = null, unknown = null, only, strict = false, json = false } = options;
      if (options.list) return listCases(protocol, only, json);
      if (endpoint === undefined)
        throw new CliError(EXIT.USAGE, 'give the endpoint of the server: unix:PATH or tcp:HOST:PORT');
      const settings = {
        endpoint: parseEndpoint(endpoint),
        protocol,
        map,
        known,
        unknown,
        timeoutMs: options.timeout * 1_000,
        idleMs: options.idle * 1_000,
        lateMs: options.late * 1_000,
      };
      const { serverCommand = null, junit = null } = options;
      exit(await testServer({ settings, serverCommand, only, strict, junit, json }));
    });
}
