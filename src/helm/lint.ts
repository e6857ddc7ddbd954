import { checkName } from '../base/names.ts';
import type { Helm } from './helm.ts';
import type { RenderOptions } from './render.ts';

/** Milliseconds for one run. */
const LINT_TIMEOUT = 2 * 60_000;

/**
 * Runs `helm lint` on a chart with the values of a render.
 * @param folder of the chart; of archives Helm would name temporary folders
 * @returns its errors, one line each, which are equal for equal charts; empty if the chart passes
 */
export async function lintChart(helm: Helm, folder: string, options: RenderOptions): Promise<string[]> {
  const { limits, namespace, skipSchemaValidation, kubeVersion } = options;
  const repeated = (flag: string, values: readonly string[] = []): string[] =>
    values.map((value) => `${flag}=${value}`);
  const flags = [
    ...repeated('--values', options.values),
    ...repeated('--set-json', options.setJson),
    ...repeated('--set', options.set),
    ...repeated('--set-string', options.setString),
    ...repeated('--set-file', options.setFile),
    ...repeated('--set-literal', options.setLiteral),
    ...(kubeVersion ? [`--kube-version=${kubeVersion}`] : []),
    ...(skipSchemaValidation ? ['--skip-schema-validation'] : []),
    ...(namespace ? [`--namespace=${checkName('namespace', namespace, 'the release', 'usage')}`] : []),
  ];
  const { exitCode, stdout, stderr } = await helm.run(['lint', ...flags, '--', folder], {
    timeout: limits?.time ?? LINT_TIMEOUT,
    ...(limits?.memory === undefined ? {} : { memory: limits.memory }),
  });
  if (exitCode === 0) return [];
  const lines = `${stdout}\n${stderr}`.replaceAll(`${folder}/`, '').replaceAll(folder, 'the chart').split('\n');
  const errors = lines.filter((line) => line.startsWith('[ERROR]')).map((line) => line.slice('[ERROR]'.length).trim());
  if (errors.length === 0) return [lines.findLast((line) => line.trim() !== '') ?? 'helm lint failed'];
  // Helm 3 validates values.yaml all the same.
  const isSkipped = (line: string): boolean => skipSchemaValidation === true && line.startsWith('values.yaml: - ');
  // Helm lists names in an order that differs from run to run.
  return errors
    .filter((line) => !isSkipped(line))
    .map((line) =>
      line
        .split(' ')
        .map((word) => word.split(',').sort().join(','))
        .join(' '),
    );
}
