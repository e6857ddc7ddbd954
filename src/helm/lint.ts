import type { Helm } from './helm.ts';
import { type RenderOptions, valuesFlags } from './render.ts';

/** Milliseconds for one run. */
const LINT_TIMEOUT = 2 * 60_000;

/**
 * Runs `helm lint` on a chart with the values of a render.
 * @param folder of the chart; of archives Helm would name temporary folders
 * @returns its errors, one line each, which are equal for equal charts; empty if the chart passes
 */
export async function lintChart(helm: Helm, folder: string, options: RenderOptions): Promise<string[]> {
  const { limits, skipSchemaValidation } = options;
  const { exitCode, stdout, stderr } = await helm.run(['lint', ...valuesFlags(options), '--', folder], {
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
