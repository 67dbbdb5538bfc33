// Asks the real sendmail, by its test mode (`sendmail -bt`, command `/map`).

import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Input, run, withFiles } from './command.ts';
import { type Missing, findPlace, isMissing } from './part.ts';

export interface Answer {
  key: string;
  /** What sendmail printed for this key: complaints, then the `map_lookup:` line. */
  lines: string[];
  /** 0 found, 68 not found, 69 permanent, 75 temporary error; 1 without any `map_lookup:` line. */
  code: number;
  /** With the `<OK>` that `-a<OK>` appends; only with code 0. */
  value?: string;
}

export interface Sendmail {
  /**
   * Looks the keys up one after the other, in one process (thus over one
   * connection as long as that lives). Unless there is `-f`, it folds them to
   * lower case and cuts them at 256 bytes.
   * @param address a socket's absolute path, or `inet:PORT@127.0.0.1`
   * @param flags those of the K line
   */
  maps(address: string, map: string, keys: Iterable<string> | AsyncIterable<string>, flags?: string): Promise<Answer[]>;
}

function config(map: string, flags: string, address: string): string {
  const lines = [
    'V10',
    // Or sendmail refuses each socket below /tmp; the bit must be set indeed.
    'O DontBlameSendmail=TrustStickyBit',
    // Or it complains about the lack of one; it is never used.
    'Mlocal, P=/bin/false, A=false',
    `K${map} socket ${flags} ${address.startsWith('/') ? `local:${address}` : address}`,
  ];
  return lines.join('\n') + '\n';
}

/** Where Debian installs libraries, on the machines that it has most. */
const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];

/** The answer to `key` and the rest of the output behind it. */
function parse(output: string, map: string, key: string): [Answer, string] {
  // The key is printed in full and may contain anything, but no line break.
  const start = `map_lookup: ${map} (${key}) `;
  const at = output.indexOf(start);
  const end = output.indexOf('\n> ', at);
  const said = output.slice(at + start.length, end);
  // A complaint about the lookup stands before the outcome, ended by a line break.
  const [, value, code] = /(?:^|\n)(?:no match|returns (.*)) \((\d+)\)$/s.exec(said) ?? [];
  if (at < 0 || end < 0 || code === undefined) return [{ key, lines: [], code: 1 }, output];
  // All of it follows one prompt, on the prompt's own line.
  const lines = output.slice(0, end).replace(/^> /, '').split('\n');
  return [{ key, lines, code: Number(code), ...(value !== undefined && { value }) }, output.slice(end + 1)];
}

export const SENDMAIL = 'usr/libexec/sendmail/sendmail';

/** Root is not needed. */
export async function findSendmail(parts: string): Promise<Sendmail | Missing> {
  const name = 'Sendmail';
  const place = findPlace(name, parts, 'sendmail', [SENDMAIL]);
  if (isMissing(place)) return place;
  const { root, libs, env } = place;
  const file = join(root, SENDMAIL);
  const wrapper = [libs ?? '', ...LIBRARIES].map((each) => join(each, 'libnss_wrapper.so')).find(existsSync);

  const test = (cf: string, stdin: Input, limit?: number) => {
    // sendmail sleeps for 60 s, before it reads its configuration even, if the
    // host's name has an address but no form with a dot. So it is shown a hosts
    // file of its own, in which there is one.
    const hosts = `127.0.0.1 ${hostname()}.test ${hostname()}\n`;
    return withFiles({ hosts, cf }, async (folder) => {
      const shown = wrapper === undefined ? {} : { LD_PRELOAD: wrapper, NSS_WRAPPER_HOSTS: join(folder, 'hosts') };
      // A copy has no set-group-ID bit, which an installed one has, and with which it ignores LD_PRELOAD.
      const copy = join(folder, 'sendmail');
      await copyFile(file, copy);
      return run(copy, ['-bt', '-C', join(folder, 'cf')], {
        env: { ...env, ...shown },
        stdin,
        ...(limit && { limit }),
      });
    });
  };

  const trial = await test('V10\nMlocal, P=/bin/false, A=false\n', '', 30_000);
  if (trial.code !== 0 || !trial.stdout.startsWith('ADDRESS TEST MODE')) {
    const said = (trial.stderr + trial.stdout).trim();
    return { name, missing: `${file} does not work (${trial.code}): ${said}` };
  }

  return {
    async maps(address, map, keys, flags = '-T<TMPF> -a<OK>') {
      const asked: string[] = [];
      async function* input() {
        for await (const key of keys) {
          const line = `/map ${map} ${key}\n`;
          // sendmail drops blanks at the end, refuses an empty key and reads
          // at most 2047 bytes as one line.
          if (/[\r\n\0]|[ \t]$|^$/.test(key) || Buffer.byteLength(line) > 2047) {
            throw new Error(`not a key for sendmail -bt: ${JSON.stringify(key)}`);
          }
          asked.push(key);
          yield line;
        }
      }
      const { code, stdout, stderr } = await test(config(map, flags, address), input());
      // 71 only repeats that there were complaints. After a crash, even the
      // answers before it are lost.
      if ((code !== 0 && code !== 71) || stderr !== '') {
        throw new Error(`sendmail ended with ${code}, wrote: ${stderr}${stdout}`);
      }
      // Two lines of greeting, up to the first prompt.
      let rest = stdout.slice(stdout.indexOf('\n> ') + 1);
      const answers: Answer[] = [];
      for (const key of asked) {
        const [answer, after] = parse(rest, map, key);
        answers.push(answer);
        rest = after;
      }
      return answers;
    },
  };
}
