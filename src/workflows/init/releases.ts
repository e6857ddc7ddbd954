import { basename } from 'node:path';
import * as z from 'zod';
import { type Environment, withoutOwnSecrets } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { settleEach } from '../../base/pool.ts';
import { quoted } from '../../base/printable.ts';
import { runProgram } from '../../base/run-program.ts';
import { runStep } from '../../base/step.ts';
import { readYaml } from '../../base/yaml-read.ts';
import { findHelm } from '../../helm/helm.ts';
import { clusterError, OUTPUT_LIMIT, TIMEOUT } from '../../kubernetes/kubectl.ts';
import type { Context } from '../../session/context.ts';

/** A release in a cluster, as Helm has stored it. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly chart: string;
  readonly version: string;
  /** Values that the user gave it, as YAML: they may hold secrets. Absent if there are none. */
  readonly values?: string;
}

const listed = z.array(z.object({ name: z.string(), namespace: z.string() }));
const metadata = z.object({ chart: z.string(), version: z.string() });

/** Concurrent runs of Helm: each takes a processor for a tenth of a second. */
const CONCURRENCY = 4;

/**
 * Asks the user's Helm for the releases of a cluster, and changes nothing there.
 * @param namespaces to ask; all if there are none
 * @returns releases by namespace and name
 * @throws AirgapError `cluster`, `helm-missing`, `interrupted`
 */
export function readReleases(context: Context, namespaces: readonly string[]): Promise<Release[]> {
  return runStep(context.emit, 'reading the releases of the cluster', async () => {
    const scopes = namespaces.length === 0 ? [['--all-namespaces']] : namespaces.map((name) => [`--namespace=${name}`]);
    const lists = await settleEach(scopes, CONCURRENCY, async (scope) => {
      // Without it, Helm ends after 256.
      const text = await askHelm(
        context,
        ['list', '--max=0', '--output=json', ...scope],
        'the releases of the cluster',
      );
      return parse(listed, text, 'helm list');
    });
    const names = lists.flat().filter((release) => isKnownName(context, release));
    const releases = await settleEach(names, CONCURRENCY, ({ name, namespace }) =>
      readRelease(context, name, namespace),
    );
    const order = (release: Release): string => `${release.namespace} ${release.name}`;
    return releases.filter((release) => release !== undefined).sort((a, b) => (order(a) < order(b) ? -1 : 1));
  });
}

async function readRelease(context: Context, name: string, namespace: string): Promise<Release | undefined> {
  const get = (what: string, format: string): Promise<string> =>
    askHelm(
      context,
      ['get', what, name, `--namespace=${namespace}`, `--output=${format}`],
      `release ${name} in ${namespace}`,
    );
  const { chart, version } = parse(metadata, await get('metadata', 'json'), 'helm get metadata');
  if (!isName('chart name', chart) || !isName('chart version', version)) {
    const message = `release ${name} in ${namespace} was not taken: its chart is named ${quoted(`${chart} ${version}`)}`;
    context.emit({ type: 'warning', message });
    return undefined;
  }
  const values = await get('values', 'yaml');
  const content = readYaml(values, { logLevel: 'error' });
  const hasValues = typeof content === 'object' && content !== null && Object.keys(content).length > 0;
  return { name, namespace, chart, version, ...(hasValues && { values }) };
}

/** Reports whether the names of a release can be arguments; warns of others. */
function isKnownName({ emit }: Context, { name, namespace }: z.infer<typeof listed>[number]): boolean {
  if (isName('release name', name) && isName('namespace', namespace)) return true;
  emit({
    type: 'warning',
    message: `release ${quoted(name)} in ${quoted(namespace)} was not taken: its name is not valid`,
  });
  return false;
}

/**
 * Runs the user's Helm with the user's environment: kubeconfigs name programs that need their own variables.
 * @throws AirgapError `cluster`, `helm-missing`
 */
async function askHelm(context: Context, args: readonly string[], what: string): Promise<string> {
  const { cwd, signal } = context;
  const path = findHelm(context);
  // Debug lines would show values.
  const env: Environment = { ...withoutOwnSecrets(context.env), HELM_DEBUG: 'false' };
  const end = await runProgram(path, args, { cwd, env, signal, timeout: TIMEOUT, maxBytes: OUTPUT_LIMIT });
  if ('output' in end) return end.output;
  throw clusterError(basename(path), end, { what, instead: 'name the charts: helm airgap init CHART...' });
}

function parse<S extends z.ZodType>(schema: S, text: string, command: string): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new AirgapError('cluster', `${command} printed what is no list of releases`, {
    hint: 'check the version of Helm: helm version',
  });
}
