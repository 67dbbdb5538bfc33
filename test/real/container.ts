import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A line of the Containerfile, such as `RUN npm ci`. What names the stage before it is left out. */
export interface Step {
  readonly instruction: string;
  readonly rest: string;
}

/** The stages of the Containerfile, each with its steps in their order. */
export function stagesOf(text: string): readonly (readonly Step[])[] {
  const stages: Step[][] = [];
  for (const line of text.split('\n')) {
    const [, instruction, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (instruction === undefined || rest === undefined) continue;
    if (instruction === 'FROM') stages.push([]);
    stages.at(-1)?.push({ instruction, rest });
  }
  return stages;
}

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const STAGES = stagesOf(readFileSync(`${ROOT}/Containerfile`, 'utf8'));

/** What an instruction of the last stage says, such as that of HEALTHCHECK. */
export function said(instruction: string): string {
  const found = STAGES.at(-1)?.find((step) => step.instruction === instruction);
  if (found === undefined) throw new Error(`no ${instruction}`);
  return found.rest;
}

/** The JSON at the end of a text: a command, or volumes. */
export function listOf(text: string): readonly string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}

/** The shell's lines for a stage. `context` is what COPY reads from where it names no other stage. */
export function linesOf(stage: readonly Step[], context: string): string {
  let folder = '/';
  const lines = stage.map(({ instruction, rest }) => {
    if (instruction === 'WORKDIR') folder = rest;
    if (instruction === 'RUN') return rest;
    if (instruction !== 'COPY') return '';
    const isOfStage = rest.startsWith('--from=');
    const [to = '', ...from] = rest
      .replace(/^--from=\w+ /, '')
      .split(' ')
      .toReversed();
    const files = from.map((name) => (isOfStage ? name : `${context}/${name}`)).join(' ');
    return to.endsWith('/')
      ? `mkdir -p ${to}; cp -r ${files} ${to}`
      : `mkdir -p $(dirname ${to}); cp -rT ${files} ${to}`;
  });
  return `mkdir -p ${folder}; cd ${folder}\n${lines.join('\n')}`;
}
