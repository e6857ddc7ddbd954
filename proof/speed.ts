import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cost, measure } from '../bench/measure.ts';
import type { CorpusChart } from '../test/support/corpus.ts';
import { startRegistry } from '../test/support/registry.ts';
import { fillUpstream } from '../test/support/upstream.ts';
import { type Programs, TARGETS } from './judge.ts';
import { run } from './programs.ts';

/** Contenders: one bare render, overrides by probing, overrides from a bundle's recipe. */
export const CONTENDERS = ['bare', 'probing', 'stored'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** Costs by round. */
export type Costs = Readonly<Record<Contender, readonly Cost[]>>;

export interface Speed {
  readonly costs: Costs;
  /** Renders of one run. */
  readonly renders: Readonly<Record<Contender, number>>;
}

/** Runs all contenders in each round, starting with another one each time, so that drift affects all alike. */
export async function time(
  chart: CorpusChart,
  programs: Programs,
  folder: string,
  { rounds, log }: { rounds: number; log: (line: string) => void },
): Promise<Speed> {
  const { airgap, helm, counting } = programs;
  const bundle = await bundled(chart, programs, folder);
  const proved = ['--to', TARGETS[0], ...chart.flags];
  const name = run(helm, ['show', 'chart', chart.archive], process.env).stdout.match(/^name: (.*)$/m)?.[1] ?? '';
  const commands: Record<Contender, readonly string[]> = {
    bare: [helm, 'template', chart.render.releaseName, chart.archive, ...chart.flags],
    probing: [airgap, 'values', chart.archive, ...proved],
    stored: [airgap, 'values', name, '--bundle', bundle, ...proved],
  };
  const renders = { bare: 1, probing: 0, stored: 0 };
  for (const each of ['probing', 'stored'] as const) {
    counting.take();
    const [program = '', ...args] = commands[each];
    const { status, stderr } = run(program, args, { ...process.env, HELM_BIN: counting.path });
    if (status !== 0) throw new Error(`${each} ended with ${status}: ${stderr.trim().slice(-600)}`);
    renders[each] = counting.take();
  }
  const costs: Record<Contender, Cost[]> = { bare: [], probing: [], stored: [] };
  const work = join(folder, 'work');
  for (let round = 0; round < rounds; round++) {
    for (const index of CONTENDERS.keys()) {
      const contender = CONTENDERS[(index + round) % CONTENDERS.length] as Contender;
      await rm(work, { recursive: true, force: true });
      await mkdir(work, { recursive: true });
      const script = `${commands[contender].map(quoted).join(' ')} > "$WORK/out"`;
      const cost = await measure(script, work, { ...process.env, HELM_BIN: helm, WORK: work });
      costs[contender].push(cost);
      log(`round ${round + 1}, ${contender}: ${cost.wall.toFixed(2)} s, processor ${cost.cpu.toFixed(2)} s`);
    }
  }
  return { costs, renders };
}

/** Makes a bundle of the chart with synthetic images from a local registry. */
async function bundled(chart: CorpusChart, { airgap, helm }: Programs, folder: string): Promise<string> {
  const env = { ...process.env, HELM_BIN: helm };
  const ok = (args: readonly string[]): string => {
    const { status, stdout, stderr } = run(airgap, args, env);
    if (status !== 0) throw new Error(`airgap ${args[0]} ended with ${status}: ${stderr.trim().slice(-600)}`);
    return stdout;
  };
  const selected = [chart.archive, ...chart.flags];
  const references = ok(['images', ...selected, '-o', 'txt'])
    .trim()
    .split('\n');
  const upstream = await startRegistry();
  try {
    await fillUpstream(upstream.host, references);
    const file = join(folder, 'bundle.tar');
    ok(['bundle', ...selected, '--mirror', `*=${upstream.host}`, '--plain-http', upstream.host, '--out', file]);
    return file;
  } finally {
    await upstream.stop();
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
