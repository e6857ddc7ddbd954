import { join } from 'node:path';
import { launcher } from '../../test/support/cli.ts';
import type { CorpusChart } from '../../test/support/corpus.ts';
import { startRegistry } from '../../test/support/registry.ts';
import { fillUpstream } from '../../test/support/upstream.ts';
import { type Costs, inTurn, measureCost } from '../cost.ts';
import { runOk, shellCommand } from '../programs.ts';
import { TARGETS } from './judge.ts';
import type { Helms } from './renders.ts';

/** Contenders: one bare render, overrides by probing, overrides from a bundle's recipe. */
const CONTENDERS = ['bare', 'probing', 'stored'] as const;
export type Contender = (typeof CONTENDERS)[number];

export interface Speed {
  readonly costs: Costs<Contender>;
  /** Renders of one run. */
  readonly renders: Readonly<Record<Contender, number>>;
}

/** Times `values` of one chart and its bare render. */
export async function time(
  chart: CorpusChart,
  { helm, counting }: Helms,
  folder: string,
  rounds: number,
): Promise<Speed> {
  const bundle = await bundled(chart, helm, folder);
  const proved = ['--to', TARGETS[0], ...chart.flags];
  const name = runOk(helm, ['show', 'chart', chart.archive]).match(/^name: (.*)$/m)?.[1] ?? '';
  const values = {
    probing: ['values', chart.archive, ...proved],
    stored: ['values', name, '--bundle', bundle, ...proved],
  };
  const commands: Record<Contender, readonly string[]> = {
    bare: [helm, 'template', chart.render.releaseName, chart.archive, ...chart.flags],
    probing: [launcher, ...values.probing],
    stored: [launcher, ...values.stored],
  };
  const rendersOf = (args: readonly string[]): number => {
    const before = counting.renders();
    runOk(launcher, args, { ...process.env, HELM_BIN: counting.path });
    return counting.renders() - before;
  };
  const renders = { bare: 1, probing: rendersOf(values.probing), stored: rendersOf(values.stored) };
  const costs = await inTurn(CONTENDERS, rounds, (contender) => {
    const script = `${shellCommand(commands[contender])} > "$WORK/out"`;
    return measureCost(script, join(folder, 'work'), { ...process.env, HELM_BIN: helm });
  });
  return { costs, renders };
}

/** Makes a bundle of the chart with synthetic images from a local registry. */
async function bundled(chart: CorpusChart, helm: string, folder: string): Promise<string> {
  const env = { ...process.env, HELM_BIN: helm };
  const selected = [chart.archive, ...chart.flags];
  const references = runOk(launcher, ['images', ...selected, '-o', 'txt'], env)
    .trim()
    .split('\n');
  const upstream = await startRegistry();
  try {
    await fillUpstream(upstream.host, references);
    const file = join(folder, 'bundle.tar');
    const from = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    runOk(launcher, ['bundle', ...selected, ...from, '--out', file], env);
    return file;
  } finally {
    await upstream.stop();
  }
}
