import { namesOf, pathsOf } from './shell.ts';
import type { Flag, Row, Words } from './table.ts';

/** Completion for fish: a file of /usr/share/fish/vendor_completions.d. */
export function fishOf(rows: readonly Row[]): string {
  return `# Completion of smmap for fish, made of its commands.
function __smmap_names
  ${namesOf('$argv[1]')}
end
function __smmap_at
  set -l path ''
  for word in (commandline -opc)[2..]
    switch "$path $word"
      case ${pathsOf(rows).replaceAll(' | ', ' ')}
        set path "$path $word"
    end
  end
  test "$path" = "$argv[1]"
end
complete -c smmap -f
${rows.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, commands, flags, argument }: Row): readonly string[] {
  const start = `complete -c smmap -n "__smmap_at '${path}'"`;
  return [
    ...commands.map(([name, about]) => `${start} -a ${name} -d ${quoted(about)}`),
    ...(argument === null ? [] : [`${start} ${offered(argument)}`]),
    ...flags.map((flag) => `${start} ${flagged(flag)} -d ${quoted(flag.about)}`),
  ];
}

function flagged({ names, takesValue, value }: Flag): string {
  const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...spelled, ...(takesValue ? [value === 'file' ? '-r' : '-x', offered(value)] : [])].join(' ').trim();
}

function offered(words: Words): string {
  if (words === null) return '';
  if (words === 'file') return '-F';
  if (words === 'folder') return `-a '(__fish_complete_directories)'`;
  return typeof words === 'string' ? `-a '(__smmap_names ${words})'` : `-a ${quoted(words.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
}
