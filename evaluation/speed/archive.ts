import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { launcher } from '../../test/support/cli.ts';
import { startRegistry, type TestRegistry } from '../../test/support/registry.ts';
import { type Cost, type Costs, inTurn, measureCost, medianCost, ratio } from '../cost.ts';
import { table } from '../page.ts';
import { checkImages } from '../registry.ts';
import { type Contenders, checkArchive, pulls, pushes } from './contenders.ts';
import type { Workload } from './images.ts';
import { startLatencyProxy } from './latency.ts';

/** Costs from a registry into a file, and from the file into an empty registry. */
export interface ArchiveCosts {
  readonly pull: Costs;
  readonly push: Costs;
}

/** Copies a workload from its registry into a file, and from the file into empty registries, in turn by all contenders. */
export async function measureArchives(
  source: TestRegistry,
  workload: Workload,
  latency: number,
  rounds: number,
  folder: string,
): Promise<ArchiveCosts> {
  const bench = new Bench(folder, rounds);
  const proxy = latency === 0 ? undefined : await startLatencyProxy(source.host, latency);
  const contenders = pulls(proxy?.host ?? source.host, workload);
  console.error('into one file');
  const pull = await bench.pull(contenders, workload);
  await bench.preparePush(contenders, workload);
  console.error('into a registry');
  const push = await bench.push(workload, latency);
  proxy?.close();
  return { pull, push };
}

/** Runs the contenders on one workload. */
class Bench {
  readonly #rounds: number;
  /** Its size is measured. */
  readonly #work: string;
  /** Input of pushes. */
  readonly #kept: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(folder: string, rounds: number) {
    this.#rounds = rounds;
    this.#work = join(folder, 'work');
    this.#kept = join(folder, 'kept');
    this.#env = { ...process.env, TMPDIR: folder, AIRGAP: launcher, KEPT: this.#kept };
  }

  pull(contenders: Contenders, workload: Workload): Promise<Costs> {
    return inTurn(Object.keys(contenders), this.#rounds, (name) => this.#pullOnce(contenders[name] ?? '', workload));
  }

  /** Creates the input of pushes, by runs that are not measured. */
  async preparePush({ airgap = '', skopeo = '' }: Contenders, workload: Workload): Promise<void> {
    await rm(this.#kept, { recursive: true, force: true });
    await mkdir(this.#kept, { recursive: true });
    await this.#pullOnce(airgap, workload);
    await rename(join(this.#work, 'out.tar'), join(this.#kept, 'bundle.tar'));
    await this.#pullOnce(skopeo, workload);
    await rename(join(this.#work, 'out.tar'), join(this.#kept, 'layout.tar'));
    await rename(join(this.#work, 'oci'), join(this.#kept, 'layout'));
  }

  /** Each run has an empty registry on a new port: skopeo remembers which registry has which blobs. */
  push(workload: Workload, latency: number): Promise<Costs> {
    return inTurn(Object.keys(pushes('', workload)), this.#rounds, async (name) => {
      const target = await startRegistry();
      const proxy = latency === 0 ? undefined : await startLatencyProxy(target.host, latency);
      try {
        const script = pushes(proxy?.host ?? target.host, workload)[name] ?? '';
        const cost = await measureCost(script, this.#work, this.#env);
        const wrong = await checkImages(target.host, workload.images, 'size');
        if (wrong.length > 0) throw new Error(`after the push by ${name}: ${wrong.join('; ')}`);
        return cost;
      } finally {
        proxy?.close();
        await target.stop();
      }
    });
  }

  async #pullOnce(script: string, workload: Workload): Promise<Cost> {
    const cost = await measureCost(script, this.#work, this.#env);
    await checkArchive(join(this.#work, 'out.tar'), workload);
    return cost;
  }
}

/** Formats the tables of both ways. */
export function archiveTables(rows: readonly (readonly [title: string, costs: ArchiveCosts])[]): string[] {
  const of = (way: keyof ArchiveCosts): string => costsTable(rows.map(([title, costs]) => [title, costs[way]]));
  return ['### From a registry into one file', of('pull'), '### From the file into an empty registry', of('push')];
}

/**
 * Formats a row for each workload: medians, and ratios of runs of the same round. All rows have the same contenders, the
 * first of which is compared with the others.
 */
function costsTable(rows: readonly (readonly [title: string, costs: Costs])[]): string {
  const names = Object.keys(rows[0]?.[1] ?? {});
  const [mine = '', ...others] = names;
  const head = [
    '',
    `${mine}, s`,
    ...others.flatMap((name) => [`${name}, s`, 'ratio']),
    ...names.map((name) => `processor time, ${name}, s`),
    ...names.map((name) => `disk, ${name}, MB`),
    `memory, ${mine}, MB`,
  ];
  const cells = rows.map(([workload, costs]) => {
    const of = (name: string): readonly Cost[] => costs[name] ?? [];
    return [
      workload,
      medianCost(of(mine), 'wall'),
      ...others.flatMap((name) => [medianCost(of(name), 'wall'), ratio(of(mine), of(name), 'wall')]),
      ...names.map((name) => medianCost(of(name), 'cpu')),
      ...names.map((name) => medianCost(of(name), 'disk', 0)),
      medianCost(of(mine), 'memory', 0),
    ];
  });
  return table(head, cells);
}
