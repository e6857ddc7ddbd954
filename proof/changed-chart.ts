import { join } from 'node:path';
import type { CorpusChart } from '../test/support/corpus.ts';
import type { Answer, Programs } from './judge.ts';
import { leftIn } from './left.ts';
import type { ProofBeyondOverrides } from './post-rendered.ts';
import { run } from './programs.ts';

/**
 * Derives the overrides together with a changed chart (`--residue=repack`), and renders it with Helm.
 * @param folder for the files
 */
export function changedChart(
  chart: CorpusChart,
  { airgap, helm, counting }: Programs,
  target: string,
  folder: string,
): ProofBeyondOverrides {
  const out = join(folder, 'changed.yaml');
  const flags = ['--residue=repack', '--out', out, '-o', 'json'];
  const env = { ...process.env, HELM_BIN: counting.path };
  const tool = run(airgap, ['values', chart.archive, '--to', target, ...chart.flags, ...flags], env);
  if (tool.stdout === '') return { unmapped: [], left: [], problem: tool.stderr.trim().slice(-600) };
  const { proof, changedChart: changed } = JSON.parse(tool.stdout) as Answer;
  const archive = changed === undefined ? chart.archive : join(folder, changed.file);
  const args = ['template', chart.render.releaseName, archive, ...chart.flags, '-f', out];
  const render = run(helm, args, process.env);
  if (render.status !== 0) return { unmapped: [], left: [], problem: render.stderr.trim().slice(-600) };
  return {
    unmapped: [...new Set(proof.residue.map(({ reference }) => reference))],
    left: leftIn(render.stdout, chart),
  };
}
