import { join } from 'node:path';
import { launcher } from '../../test/support/cli.ts';
import { startRegistry, type TestRegistry } from '../../test/support/registry.ts';
import { type Cost, type Costs, inTurn, measureCost, median, medianCost, ratio } from '../cost.ts';
import { table } from '../page.ts';
import { checkImages } from '../registry.ts';
import type { Workload } from './images.ts';
import { startLatencyProxy } from './latency.ts';
import { mirrors } from './mirror-contenders.ts';

/** Costs by contender and setting: of a copy to an empty registry, and of the same again. */
export interface MirrorCosts {
  readonly first: Costs;
  readonly again: Costs;
}

/**
 * Copies a workload from its registry to an empty one, and again with nothing new, in turn by all contenders. Each run has a
 * target of its own on a new port: skopeo remembers which registry has which blobs.
 * @param latency milliseconds by which both registries' answers are delayed
 * @throws Error if a target lacks something afterwards
 */
export async function measureMirrors(
  source: TestRegistry,
  workload: Workload,
  latency: number,
  rounds: number,
  folder: string,
): Promise<MirrorCosts> {
  const work = join(folder, 'work');
  const env = { ...process.env, TMPDIR: folder, AIRGAP: launcher };
  const names = Object.keys(mirrors('', '', workload));
  const again = Object.fromEntries(names.map((name) => [name, [] as Cost[]]));
  const first = await inTurn(names, rounds, async (name) => {
    const target = await startRegistry();
    const proxies = latency === 0 ? [] : [source, target].map(({ host }) => startLatencyProxy(host, latency));
    const [near, far] = await Promise.all(proxies);
    try {
      const script = mirrors(near?.host ?? source.host, far?.host ?? target.host, workload)[name] ?? '';
      const cost = await measureCost(script, work, env);
      const wrong = await checkImages(target.host, workload.images, 'size');
      if (wrong.length > 0) throw new Error(`after the copy by ${name}: ${wrong.join('; ')}`);
      const second = await measureCost(script, work, env);
      again[name]?.push(second);
      console.error(`again: ${second.wall.toFixed(2)} s`);
      return cost;
    } finally {
      near?.close();
      far?.close();
      await target.stop();
    }
  });
  return { first, again };
}

/** Formats the tables of first copies and of repetitions. */
export function mirrorTables(rows: readonly (readonly [title: string, costs: MirrorCosts])[]): string[] {
  const of = (which: keyof MirrorCosts): string => bestsTable(rows.map(([title, costs]) => [title, costs[which]]));
  return ['### From a registry into an empty one', of('first'), '### Again, with nothing new', of('again')];
}

/** Formats a row for each workload: for each tool the setting with the lowest median, compared with the first tool. */
function bestsTable(rows: readonly (readonly [title: string, costs: Costs])[]): string {
  const bests = rows.map(([title, costs]) => [title, bestByTool(costs)] as const);
  const tools = [...(bests[0]?.[1].keys() ?? [])];
  const [mine = '', ...others] = tools;
  const head = [
    '',
    `${mine}, s`,
    ...others.flatMap((name) => [`${name}, s`, 'setting', 'ratio']),
    ...tools.map((name) => `processor time, ${name}, s`),
    ...tools.map((name) => `memory, ${name}, MB`),
  ];
  const cells = bests.map(([title, best]) => {
    const of = (tool: string): readonly Cost[] => best.get(tool)?.costs ?? [];
    return [
      title,
      medianCost(of(mine), 'wall'),
      ...others.flatMap((tool) => [
        medianCost(of(tool), 'wall'),
        best.get(tool)?.setting ?? '',
        ratio(of(mine), of(tool), 'wall'),
      ]),
      ...tools.map((tool) => medianCost(of(tool), 'cpu')),
      ...tools.map((tool) => medianCost(of(tool), 'memory', 0)),
    ];
  });
  return table(head, cells);
}

/** The fastest setting of each tool; contenders are named `TOOL` or `TOOL, SETTING`. */
function bestByTool(costs: Costs): Map<string, { setting: string; costs: readonly Cost[] }> {
  const best = new Map<string, { setting: string; costs: readonly Cost[] }>();
  const wall = (of: readonly Cost[]): number => median(of.map((cost) => cost.wall));
  for (const [name, own] of Object.entries(costs)) {
    const [, tool = '', setting = ''] = /^([^,]*)(?:, (.*))?$/.exec(name) ?? [];
    const known = best.get(tool);
    if (known === undefined || wall(own) < wall(known.costs)) best.set(tool, { setting, costs: own });
  }
  return best;
}
