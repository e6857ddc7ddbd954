import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { SECRET_FILE } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import type { NestedChart } from '../discovery/nested/index.ts';
import type { ChartRequest } from '../helm/access.ts';
import { readChartFiles } from '../helm/chart-files.ts';
import type { Chart } from '../helm/fetch.ts';
import type { RenderOptions } from '../helm/render.ts';

/**
 * Returns the request for a nested chart, with the arguments that Helm takes.
 * @param folder for an archive that the declaration itself contains
 * @throws AirgapError `chart-not-found` for an address that only the cluster knows
 */
export async function requestOf(
  nested: NestedChart,
  folder: string,
  caFile: string | undefined,
): Promise<ChartRequest> {
  const { name, repository, digest, url, content } = nested;
  if (content !== undefined) {
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${name.replace(/[^\w.-]/g, '-')}.tgz`);
    await writeFile(file, Buffer.from(content, 'base64'));
    return { chart: file };
  }
  const unresolvedPart = [name, nested.version, repository].find((part) => /\{\{|[$`]/.test(part));
  if (unresolvedPart !== undefined) {
    throw new AirgapError('chart-not-found', `"${unresolvedPart}" is only known to a controller in the cluster`);
  }
  const common = {
    ...(nested.version === '' ? {} : { version: nested.version }),
    ...(caFile === undefined ? {} : { access: { caFile } }),
  };
  if (url !== undefined) return { ...common, chart: url };
  // Helm 3.17 follows the tag if there are both.
  const pinned = digest === undefined ? name : `${name}@${digest}`;
  if (repository.startsWith('oci://')) return { ...common, chart: `${repository}/${pinned}` };
  return { ...common, chart: name, repo: repository };
}

/**
 * Returns the render options with which the parent installs a nested chart: the same Kubernetes version, and the values
 * from the parent.
 * @param parentOptions render options of the parent
 * @param file absolute path for the values
 * @param unresolved receives descriptions of values files that are not in the chart
 */
export async function installOptions(
  nested: NestedChart,
  parentOptions: RenderOptions,
  chart: Chart,
  file: string,
  unresolved: string[],
): Promise<RenderOptions> {
  const { kubeVersion, apiVersions, skipSchemaValidation, isUpgrade, limits } = parentOptions;
  const files: string[] = [];
  await mkdir(dirname(file), { recursive: true });
  for (const name of nested.valuesFiles ?? []) {
    const path = posix.normalize(name);
    const text = (await readChartFiles(chart.archive, { test: (file) => file === path })).get(path);
    if (text === undefined) unresolved.push(`values file ${name}`);
    else {
      files.push(`${file}-${files.length}.yaml`);
      await writeFile(files.at(-1) as string, text, { mode: SECRET_FILE });
    }
  }
  await writeFile(file, jsonText(nested.values), { mode: SECRET_FILE });
  const { releaseName = '', namespace = '' } = nested;
  return {
    values: [...files, file],
    set: nested.set ?? [],
    setString: nested.setString ?? [],
    kubeVersion,
    apiVersions,
    skipSchemaValidation,
    isUpgrade,
    limits,
    ...(isName('release name', releaseName) ? { releaseName } : {}),
    ...(isName('namespace', namespace) ? { namespace } : {}),
  };
}
