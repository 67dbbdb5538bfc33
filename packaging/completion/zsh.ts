import { namesOf, pathsOf } from './shell.ts';
import type { Row, Words } from './table.ts';

/** Completion for zsh: a file of /usr/share/zsh/vendor-completions. */
export function zshOf(rows: readonly Row[]): string {
  return `#compdef smmap
# Completion of smmap for zsh, made of its commands.
_smmap_names() {
  ${namesOf('"$1"')}
}
_smmap() {
  local prev=\${words[CURRENT-1]} cur=\${words[CURRENT]} smmap_path= at
  if [[ $cur = --*=* ]]; then prev=\${cur%%=*}; compset -P '*='; fi
  for ((at = 2; at < CURRENT; at++)); do
    case "$smmap_path \${words[at]}" in
      ${pathsOf(rows)}) smmap_path="$smmap_path \${words[at]}" ;;
    esac
  done
  case "$smmap_path,$prev" in
${rows.flatMap(valuesOf).join('\n')}
  esac
  case "$smmap_path,$cur" in
${rows.flatMap(flagsOf).join('\n')}
${rows.flatMap(wordsOf).join('\n')}
  esac
}
_smmap "$@"
`;
}

function valuesOf({ path, flags }: Row): readonly string[] {
  return flags.flatMap(({ names, takesValue, value }) =>
    takesValue ? [`    ${names.map((name) => `'${path},${name}'`).join(' | ')}) ${offered(value)}; return ;;`] : [],
  );
}

function flagsOf({ path, flags }: Row): readonly string[] {
  const all = [...flags, { names: ['--help'], about: 'print the help' }];
  return [
    `    '${path},-'*) ${described(all.flatMap(({ names, about }) => names.map((name) => [name, about] as const)))} ;;`,
  ];
}

function wordsOf({ path, commands, argument }: Row): readonly string[] {
  return [`    '${path},'*) ${commands.length > 0 ? described(commands) : offered(argument)} ;;`];
}

function described(all: readonly (readonly [name: string, about: string])[]): string {
  const items = all.map(([name, about]) => quoted(`${name}:${about.replaceAll(':', String.raw`\:`)}`));
  return `local -a items=(${items.join(' ')}); _describe smmap items`;
}

function offered(words: Words): string {
  if (words === null) return ':';
  if (words === 'file') return '_files';
  if (words === 'folder') return '_files -/';
  return typeof words === 'string'
    ? `compadd -- \${(f)"$(_smmap_names ${words})"}`
    : `compadd -- ${words.map(quoted).join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
