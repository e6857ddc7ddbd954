import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { writeOutput } from '../../base/output-file.ts';
import type { Overrides } from '../../workflows/values.ts';
import type { OverridesFiles } from '../flags/residue.ts';
import type { Edge } from '../run.ts';

/** A file to be written, and how one begins that may be replaced. */
interface Output {
  readonly path: string;
  readonly text: string;
  readonly ours: RegExp;
  readonly what: string;
}

const OVERRIDES = /^# Overrides for chart /;
const MAP = /^\{\s*"apiVersion": "airgap\/[^"]*",\s*"kind": "PostRenderMap"/;

/**
 * Writes overrides, and the maps that they need; those of earlier runs are replaced, and nothing else is.
 * @throws AirgapError `output-exists`, `no-space`, `file`
 */
export async function writeOverrides(results: readonly Overrides[], files: OverridesFiles, edge: Edge): Promise<void> {
  const outputs = results.flatMap((result) => outputsOf(result, files));
  for (const { path, ours, what } of outputs) {
    const there = await readFile(path, 'utf8').catch(() => undefined);
    if (there === undefined || ours.test(there)) continue;
    throw new AirgapError('output-exists', `${path} is there already, and is no ${what}`, {
      hint: 'choose another place for it',
    });
  }
  for (const { path, text } of outputs) {
    await mkdir(dirname(path), { recursive: true });
    await writeOutput(path, text);
    edge.tell(`${path} written`);
  }
}

/** The map first: overrides without it are what nobody should install with. */
function outputsOf({ chart, version, profile, yaml, residueMap }: Overrides, files: OverridesFiles): Output[] {
  const overrides = files.overrides(chart, version, profile);
  const outputs: Output[] = [];
  if (residueMap !== undefined) {
    const path = files.map(chart, version, profile);
    outputs.push({ path, text: residueMap.text, ours: MAP, what: 'map of a post-renderer' });
  }
  if (overrides !== undefined)
    outputs.push({ path: overrides, text: yaml, ours: OVERRIDES, what: 'file of overrides' });
  return outputs;
}
