import { namesOf, pathsOf } from './shell.ts';
import type { Row, Words } from './table.ts';

/** Completion for bash: a file of /usr/share/bash-completion/completions. */
export function bashOf(rows: readonly Row[]): string {
  return `# Completion of smmap for bash, made of its commands.
_smmap_names() {
  ${namesOf('"$1"')}
}
_smmap() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path= at what= words=
  if [ "$cur" = = ]; then cur=
  elif [ "$prev" = = ]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$path \${COMP_WORDS[at]}" in
      ${pathsOf(rows)}) path="$path \${COMP_WORDS[at]}" ;;
    esac
  done
  case "$path,$prev" in
${rows.flatMap(valuesOf).join('\n')}
    *)
      case "$path,$cur" in
${rows.flatMap(flagsOf).join('\n')}
${rows.flatMap(wordsOf).join('\n')}
      esac ;;
  esac
  case $what in
    map | store) words=$(_smmap_names "$what") ;;
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _smmap smmap
`;
}

function valuesOf({ path, flags }: Row): readonly string[] {
  return flags.flatMap(({ names, takesValue, value }) =>
    takesValue ? [`    ${names.map((name) => `'${path},${name}'`).join(' | ')}) ${assigned(value)} ;;`] : [],
  );
}

function flagsOf({ path, flags }: Row): readonly string[] {
  return [`        '${path},-'*) ${assigned([...flags.flatMap(({ names }) => names), '--help'])} ;;`];
}

function wordsOf({ path, commands, argument }: Row): readonly string[] {
  return [`        '${path},'*) ${assigned(commands.length > 0 ? commands.map(([name]) => name) : argument)} ;;`];
}

function assigned(words: Words): string {
  if (words === null) return ':';
  return typeof words === 'string' ? `what=${words}` : `words='${words.join(' ')}'`;
}
