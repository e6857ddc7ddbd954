import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { writeOutput } from '../../base/output-file.ts';
import type { Overrides } from '../../workflows/values.ts';
import type { OverridesFiles } from '../flags/residue.ts';
import type { Edge } from '../run.ts';

/** A file to be written. */
interface Output {
  readonly path: string;
  readonly content: string | Buffer;
  /** Whether what is there may be replaced. */
  readonly isOurs: (there: Buffer) => boolean | Promise<boolean>;
  readonly what: string;
}

const OVERRIDES = /^# Overrides for chart /;
const MAP = /^\{\s*"apiVersion": "airgap\/[^"]*",\s*"kind": "PostRenderMap"/;

/**
 * Writes overrides, and the maps and charts that they need; those of earlier runs are replaced, and nothing else is.
 * @throws AirgapError `output-exists`, `no-space`, `file`
 */
export async function writeOverrides(results: readonly Overrides[], files: OverridesFiles, edge: Edge): Promise<void> {
  files.expect(results);
  const outputs = results.flatMap((result) => outputsOf(result, files));
  for (const { path, isOurs, what } of outputs) {
    const there = await readFile(path).catch(() => undefined);
    if (there === undefined || (await isOurs(there))) continue;
    throw new AirgapError('output-exists', `${path} is there already, and is no ${what}`, {
      hint: 'choose another place for it',
    });
  }
  for (const { path, content } of outputs) {
    await mkdir(dirname(path), { recursive: true });
    await writeOutput(path, content);
    edge.tell(`${path} written`);
  }
}

/** What they need first: overrides without it are what nobody should install with. */
function outputsOf(result: Overrides, files: OverridesFiles): Output[] {
  const { chart, version, profile, yaml, residueMap, changedChart } = result;
  const outputs: Output[] = [];
  const add = (path: string, content: string | Buffer, isOurs: Output['isOurs'], what: string): void => {
    outputs.push({ path, content, isOurs, what });
  };
  if (residueMap !== undefined) {
    const path = files.residue('post-render', chart, version, profile);
    add(path, residueMap.text, (there) => MAP.test(there.toString()), 'map of a post-renderer');
  }
  if (changedChart !== undefined) {
    const path = files.residue('repack', chart, version, profile);
    const isOurs = async (): Promise<boolean> => (await import('../../helm/chart-edit.ts')).isChanged(path);
    add(path, changedChart.archive, isOurs, 'chart with changed templates');
  }
  const overrides = files.overrides(chart, version, profile);
  if (overrides !== undefined) {
    add(overrides, yaml, (there) => OVERRIDES.test(there.toString()), 'file of overrides');
  }
  return outputs;
}
