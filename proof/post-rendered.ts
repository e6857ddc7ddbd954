import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CorpusChart } from '../test/support/corpus.ts';
import type { Answer, Programs } from './judge.ts';
import { leftIn } from './left.ts';
import { run } from './programs.ts';

/** References that stay public with a post-renderer or a changed chart besides the overrides. */
export interface ProofBeyondOverrides {
  /** Full names that `values` reports as unmapped. */
  readonly unmapped: readonly string[];
  /** Full names that are in Helm's output, reported or not. */
  readonly left: readonly string[];
  readonly problem?: string;
}

/**
 * Derives the overrides with a post-renderer's map, and renders with the post-renderer: a program for Helm 3, a plugin for
 * Helm 4.
 * @param folder for the files
 */
export function postRendered(
  chart: CorpusChart,
  { airgap, helm, counting }: Programs,
  target: string,
  folder: string,
): ProofBeyondOverrides {
  const out = join(folder, 'overrides.yaml');
  const map = join(folder, 'overrides.post-render.json');
  const flags = ['--residue=post-render', '--out', out, '-o', 'json'];
  const env = { ...process.env, HELM_BIN: counting.path };
  const tool = run(airgap, ['values', chart.archive, '--to', target, ...chart.flags, ...flags], env);
  const failed = (problem: string): ProofBeyondOverrides => ({ unmapped: [], left: [], problem });
  if (tool.stdout === '') return failed(tool.stderr.trim().slice(-600));
  const { proof } = JSON.parse(tool.stdout) as Answer;
  const plugins = join(folder, 'plugins');
  mkdirSync(plugins, { recursive: true });
  const root = join(dirname(airgap), '..');
  symlinkSync(join(root, 'post-renderer'), join(plugins, 'airgap-post-render'));
  const isOld = run(helm, ['version', '--short'], process.env).stdout.startsWith('v3.');
  const renderer = isOld ? join(root, 'scripts/airgap-post-render') : 'airgap-post-render';
  const args = ['template', chart.render.releaseName, chart.archive, ...chart.flags, '-f', out];
  const own = { AIRGAP_POST_RENDER_MAP: map, ...(isOld ? {} : { HELM_PLUGINS: plugins }) };
  const render = run(helm, [...args, '--post-renderer', renderer], { ...process.env, ...own });
  if (render.status !== 0) return failed(render.stderr.trim().slice(-600));
  return {
    unmapped: [...new Set(proof.residue.map(({ reference }) => reference))],
    left: leftIn(render.stdout, chart),
  };
}
