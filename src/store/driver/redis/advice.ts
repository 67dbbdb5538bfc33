import type { Advice, Failure } from '../../driver.ts';
import type { RedisConfig } from './keys.ts';
import type { Layout } from './layout.ts';

/** What to do about an error of Redis, by its first word. */
export function advice({ username, layouts, servers, passwordFile }: RedisConfig, { message }: Failure): Advice | null {
  const user = username ?? 'default';
  const [, word = ''] = /(?:^|: )([A-Z]{5,}) /.exec(message) ?? [];
  switch (word) {
    case 'NOPERM': {
      const all = Object.values(layouts);
      const patterns = new Set(all.map(({ key }) => `%R~${key.parts.map(escaped).join('*')}`));
      const cluster = ['+cluster|slots', '+cluster|info', '+asking'];
      const more = servers.kind === 'cluster' ? cluster : ['+role'];
      const commands = new Set(['+exists', '+multi', '+exec', ...more, ...all.flatMap(commandsFor)]);
      const line = `ACL SETUSER ${user} ${[...patterns, ...commands].join(' ')}`;
      return { remedy: 'grant the rights, in redis-cli', commands: [line, 'ACL SAVE'] };
    }
    case 'WRONGPASS':
    case 'NOAUTH': {
      const file = passwordFile === null ? 'set password_file' : `correct username, or the password in ${passwordFile}`;
      return { remedy: `${file}; or change it in redis-cli`, commands: [`ACL SETUSER ${user} on resetpass >PASSWORD`] };
    }
    default:
      return null;
  }
}

function commandsFor(layout: Layout): readonly string[] {
  if (layout.kind === 'set') return ['+sismember', '+smembers'];
  if (layout.kind === 'hash') return ['+hget'];
  return [layout.as === 'string' ? '+get' : '+hgetall', '+info'];
}

/** The text of a key in a pattern of an ACL, which has the wildcards of KEYS. */
function escaped(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}
