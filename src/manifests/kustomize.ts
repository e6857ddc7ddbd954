import { stat } from 'node:fs/promises';
import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { collapseWhitespace } from '../base/printable.ts';
import { runProgram } from '../base/run-program.ts';
import { environmentFor } from '../helm/environment.ts';

/** Environment of the programs, and the signal that ends them. */
export interface BuildContext {
  readonly env: Environment;
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds for one build, in which bases may be fetched from other repositories. */
const TIMEOUT = 300_000;

/** Maximum bytes of output. */
const OUTPUT_LIMIT = 256 * 1024 ** 2;

/** Maximum characters of kustomize's words in a message. */
const WORDS_LIMIT = 800;

/** What git needs for bases of other repositories, besides proxies, certificates and the home folder. */
const GIT_VARIABLES = /^(?:(?:GIT|SSH)_\w+|USER|LOGNAME)$/;

/** Programs that build a kustomization, and their arguments before the folder; the first one that is installed is used. */
const BUILDERS = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
] as const;

/**
 * Builds a kustomization with the user's kustomize, else with kubectl, which contains it. Of the user's environment it gets
 * what git needs, because bases of other repositories are fetched with the user's login, but no other secrets: kustomize 4
 * fills `envs` of generators with variables, of which replacements can make the name of an image. Plugins and Helm charts
 * stay off, as they are by default: they would run programs that the kustomization names.
 * @param folder absolute path
 * @param name of the source, for messages
 * @returns the manifests as one YAML text
 * @throws AirgapError `chart-invalid` if it does not build, `usage` if the folder is none or no program is installed
 */
export async function buildKustomization(context: BuildContext, folder: string, name: string): Promise<string> {
  await checkFolder(folder, name);
  for (const [program, command] of BUILDERS) {
    const built = await run(context, program, [command, folder], name);
    if (built !== undefined) return built;
  }
  throw new AirgapError('usage', `${name}: neither kustomize nor kubectl was found in PATH`, {
    hint: 'install one of them, or give what it built elsewhere with --manifests FILE',
  });
}

async function checkFolder(folder: string, name: string): Promise<void> {
  const found = await stat(folder).catch((cause: unknown) => {
    throw new AirgapError('usage', `${name} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give the folder that contains kustomization.yaml',
      cause,
    });
  });
  if (found.isDirectory()) return;
  throw new AirgapError('usage', `${name} is not a folder`, {
    hint: 'give the folder that contains kustomization.yaml; --manifests takes files',
  });
}

/** Returns the output of a program; undefined if it is not installed. */
async function run(
  { env, cwd, signal }: BuildContext,
  program: string,
  args: readonly string[],
  name: string,
): Promise<string | undefined> {
  const end = await runProgram(program, args, {
    cwd,
    env: {
      ...environmentFor('web', env),
      ...Object.fromEntries(Object.entries(env).filter(([variable]) => GIT_VARIABLES.test(variable))),
    },
    signal,
    timeout: TIMEOUT,
    maxBytes: OUTPUT_LIMIT,
  });
  if ('output' in end) return end.output;
  if (end.failure === 'missing') return undefined;
  const cannot = (why: string, hint: string): AirgapError =>
    new AirgapError('chart-invalid', `${name} does not build: ${why}`, { hint });
  if (end.failure === 'too-long') {
    throw cannot(`its output is larger than ${OUTPUT_LIMIT / 1024 ** 2} MiB`, 'divide it into several kustomizations');
  }
  if (end.failure === 'timeout') {
    throw cannot(`${program} did not end within ${TIMEOUT / 1000} s`, 'check that its remote bases can be reached');
  }
  if (end.failure === 'not-run') throw cannot(`${program} cannot be run (${end.code})`, 'check the program');
  const words = collapseWhitespace(end.errors.slice(-64 * 1024)).replace(/^error: /i, '');
  const hint = /enable-helm/.test(words)
    ? 'name the charts of helmCharts as charts instead, or build it yourself and give the result with --manifests'
    : `see what is wrong with: ${program} ${args[0]} ${name.slice(name.indexOf(' ') + 1)}`;
  throw cannot(`${program}: ${words.slice(0, WORDS_LIMIT) || 'it failed without a word'}`, hint);
}
