import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from './scratch.ts';

/** Path of the real kubectl, which scripts/setup --tests fetches beside Helm; undefined if it is not here. */
export const KUBECTL: string | undefined =
  process.env.AIRGAP_KUBECTL ||
  [join(import.meta.dirname, '../../.cache/helm/4.1.4/kubectl')].find((path) => existsSync(path));

/** Why tests with the real kubectl cannot run; undefined if they can. */
export const WITHOUT_KUBECTL: string | undefined =
  KUBECTL === undefined ? 'no kubectl here; set AIRGAP_KUBECTL to its path' : undefined;

/** A program in place of kubectl, which prints what it is told. */
export interface FakeKubectl {
  /** Environment in which it is found first. */
  readonly env: Record<string, string | undefined>;
  /** Arguments of each run so far. */
  calls(): string[][];
  /** Environment of the last run. */
  variables(): string[];
}

/** What a program prints, and its exit code (default: 0). */
interface FakeAnswer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
}

/**
 * Creates a program `kubectl` that prints these texts and ends with this code.
 * @param program its name
 * @param answers by arguments, separated by spaces; the first entry whose arguments a run has, in this order, counts
 */
export function fakeKubectl(
  { stdout = '', stderr = '', code = 0 }: FakeAnswer,
  answers: Readonly<Record<string, FakeAnswer>> = {},
  program = 'kubectl',
): FakeKubectl {
  const folder = scratchFolder();
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('stdout'), stdout);
  writeFileSync(path('stderr'), stderr);
  const cases = Object.entries(answers).map(([word, answer], i) => {
    writeFileSync(path(`stdout${i}`), answer.stdout ?? '');
    writeFileSync(path(`stderr${i}`), answer.stderr ?? '');
    return `case " $* " in ${patternOf(word)}) cat ${path(`stderr${i}`)} >&2; cat ${path(`stdout${i}`)}; exit ${answer.code ?? 0};; esac\n`;
  });
  writeFileSync(
    path(program),
    `#!/bin/sh
for word; do printf '%s\\n' "$word"; done >> ${path('calls')}
echo '#end' >> ${path('calls')}
env > ${path('env')}
${cases.join('')}cat ${path('stderr')} >&2
cat ${path('stdout')}
exit ${code}
`,
  );
  chmodSync(path(program), 0o755);
  const lines = (name: string): string[] =>
    existsSync(path(name)) ? readFileSync(path(name), 'utf8').split('\n') : [];
  return {
    env: { PATH: `${folder}:${process.env.PATH}` },
    calls: () => {
      const runs: string[][] = [[]];
      for (const line of lines('calls')) line === '#end' ? runs.push([]) : runs.at(-1)?.push(line);
      return runs.slice(0, -1);
    },
    variables: () => lines('env'),
  };
}

/** Returns the pattern of the shell for a command line with these words. */
function patternOf(words: string): string {
  return `*${words
    .split(' ')
    .map((word) => `" ${word}"`)
    .join('*')}" "*`;
}
