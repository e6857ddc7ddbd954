import { dirname } from 'node:path';
import { checkReplaceable, makeFolder, type Replaceable, writeOutput } from '../../base/output-file.ts';
import { SECRET_FILE } from '../../base/own-file.ts';
import type { Overrides } from '../../workflows/values/values.ts';
import type { OverridesFiles } from '../flags/unmapped.ts';
import { displayPath } from '../reports/text.ts';

/** A file to write. */
interface OutputFile extends Replaceable {
  readonly path: string;
  readonly content: string | Buffer;
  /** Mode of a file that may hold secrets. */
  readonly mode?: number;
}

const OVERRIDES: Replaceable = {
  isOurs: async (existing) => (await import('../../overrides/index.ts')).isOverridesFile(existing.toString()),
  what: 'file of overrides',
};
const MAP = /^\{\s*"apiVersion": "airgap\/[^"]*",\s*"kind": "PostRenderMap"/;

/** Checks before the work that `--out` overwrites no other file. @throws AirgapError `output-exists`, `file` */
export async function checkOut(files: OverridesFiles): Promise<void> {
  const path = files.outFile();
  if (path !== undefined) await checkReplaceable(path, OVERRIDES);
}

/**
 * Writes overrides, and the maps and charts that they need. Overwrites only files of earlier runs.
 * @param report receives a line for each file
 * @throws AirgapError `output-exists`, `no-space`, `file`
 */
export async function writeOverrides(
  results: readonly Overrides[],
  files: OverridesFiles,
  cwd: string,
  report: (line: string) => void,
): Promise<void> {
  files.expect(results);
  const outputs = results.flatMap((result) => outputFiles(result, files));
  for (const output of outputs) await checkReplaceable(output.path, output);
  for (const { path, content, mode } of outputs) {
    await makeFolder(dirname(path));
    await writeOutput(path, content, mode);
    report(`${displayPath(path, cwd)} written`);
  }
}

/** Maps and charts come first: overrides must not exist without the files that they need. */
function outputFiles(result: Overrides, files: OverridesFiles): OutputFile[] {
  const { chart, version, profile, yaml, copied, postRenderMap, changedChart } = result;
  const outputs: OutputFile[] = [];
  const add = (path: string, content: string | Buffer, isOurs: OutputFile['isOurs'], what: string): void => {
    outputs.push({ path, content, isOurs, what });
  };
  if (postRenderMap !== undefined) {
    const path = files.unmappedFile('post-render', chart, version, profile);
    add(path, postRenderMap.text, (existing) => MAP.test(existing.toString()), 'post-renderer map');
  }
  if (changedChart !== undefined) {
    const path = files.unmappedFile('repack', chart, version, profile);
    const isOurs = async (): Promise<boolean> => (await import('../../helm/chart-edit.ts')).isChangedChart(path);
    add(path, changedChart.archive, isOurs, 'chart with changed templates');
  }
  const overrides = files.overrides(chart, version, profile);
  if (overrides !== undefined) {
    const secret = copied.length === 0 ? {} : { mode: SECRET_FILE };
    outputs.push({ path: overrides, content: yaml, ...OVERRIDES, ...secret });
  }
  return outputs;
}
