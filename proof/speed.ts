import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cost, measure } from '../bench/measure.ts';
import type { CorpusChart } from '../test/support/corpus.ts';
import { startRegistry } from '../test/support/registry.ts';
import { fillUpstream } from '../test/support/upstream.ts';
import { type Programs, TARGETS } from './judge.ts';
import { run } from './programs.ts';

/** What is timed: one bare render, overrides found out by probing, overrides from a recipe that a bundle holds. */
export const CONTENDERS = ['bare', 'probing', 'stored'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** Costs by round. */
export type Costs = Readonly<Record<Contender, readonly Cost[]>>;

export interface Speed {
  readonly costs: Costs;
  /** Renders of one run. */
  readonly renders: Readonly<Record<Contender, number>>;
}

/** All contenders in each round, beginning with another one each time, so that drift hits all alike. */
export async function time(
  chart: CorpusChart,
  programs: Programs,
  folder: string,
  { rounds, tell }: { rounds: number; tell: (line: string) => void },
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
    for (const at of CONTENDERS.keys()) {
      const contender = CONTENDERS[(at + round) % CONTENDERS.length] as Contender;
      await rm(work, { recursive: true, force: true });
      await mkdir(work, { recursive: true });
      const script = `${commands[contender].map(quoted).join(' ')} > "$WORK/out"`;
      const cost = await measure(script, work, { ...process.env, HELM_BIN: helm, WORK: work });
      costs[contender].push(cost);
      tell(`round ${round + 1}, ${contender}: ${cost.wall.toFixed(2)} s, processor ${cost.cpu.toFixed(2)} s`);
    }
  }
  return { costs, renders };
}

/** A bundle of the chart, its images synthetic ones from a registry of our own. */
async function bundled(chart: CorpusChart, { airgap, helm }: Programs, folder: string): Promise<string> {
  const env = { ...process.env, HELM_BIN: helm };
  const ok = (args: readonly string[]): string => {
    const { status, stdout, stderr } = run(airgap, args, env);
    if (status !== 0) throw new Error(`airgap ${args[0]} ended with ${status}: ${stderr.trim().slice(-600)}`);
    return stdout;
  };
  const what = [chart.archive, ...chart.flags];
  const references = ok(['images', ...what, '-o', 'txt'])
    .trim()
    .split('\n');
  const upstream = await startRegistry();
  try {
    await fillUpstream(upstream.host, references);
    const file = join(folder, 'bundle.tar');
    // Not in this process's way: the registry answers from a process of its own.
    ok(['bundle', ...what, '--mirror', `*=${upstream.host}`, '--plain-http', upstream.host, '--out', file]);
    return file;
  } finally {
    await upstream.stop();
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
