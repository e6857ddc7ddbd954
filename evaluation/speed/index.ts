import { spawnSync } from 'node:child_process';
import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { launcher } from '../../test/support/cli.ts';
import { startRegistry } from '../../test/support/registry.ts';
import { type Cost, type Costs, inTurn, measureCost, median, medianCost, ratio } from '../cost.ts';
import { defineEvaluation } from '../evaluation.ts';
import { table } from '../page.ts';
import { absent, checkMissing, runOk } from '../programs.ts';
import { checkImages } from '../registry.ts';
import { type Contenders, checkArchive, pulls, pushes } from './contenders.ts';
import { putImages, type Workload, workloads } from './images.ts';
import { startLatencyProxy } from './latency.ts';

/** Milliseconds of latency of a distant registry. */
const LATENCY = 30;

const LABELS = {
  shared: 'shared layers',
  small: 'small blobs',
  large: 'one large layer',
  platforms: 'two platforms',
};

/** A table's rows: costs of the contenders by workload. */
type Rows = readonly (readonly [workload: string, costs: Costs])[];

/** Cost of `bundle` and `push`, compared with skopeo. */
export const speed = defineEvaluation({
  script: 'bench',
  summary: `Compares \`helm airgap\` with skopeo, from a registry into one file and from the file into an empty registry:
images that share large layers, many small blobs, one large layer, images of two platforms; the first two also with
${LATENCY} ms of latency. Everything runs on loopback, one after the other, and is checked after each run. Needs
docker-registry, skopeo and a built plugin; files go to TMPDIR (about 6 GB).`,
  options: {
    rounds: { default: 3, least: 1, help: 'rounds of each workload' },
    small: { default: false, help: 'a fiftieth of the size; does not change the page' },
  },

  async measure({ rounds, small }, folder) {
    checkMissing(...absent('docker-registry', 'skopeo'));
    // Runs first, since a process spawns others more slowly the larger it has become.
    const start = measureStart();
    const bench = new Bench(folder, rounds);
    const [pull, push]: [Rows[number][], Rows[number][]] = [[], []];
    const sizes: string[] = [];
    const source = await startRegistry();
    try {
      for (const [name, images] of Object.entries(workloads(small ? 0.02 : 0.25))) {
        const label = LABELS[name as keyof typeof LABELS];
        console.error(`building the images: ${label}`);
        const workload = await putImages(source.host, name, images);
        const blobs = `${workload.images.length} images, ${workload.digests.size} blobs`;
        sizes.push(`* ${label}: ${blobs}, ${(workload.bytes / 1e9).toFixed(2)} GB unique`);
        for (const latency of name === 'shared' || name === 'small' ? [0, LATENCY] : [0]) {
          const title = latency === 0 ? label : `${label}, ${latency} ms of latency`;
          const proxy = latency === 0 ? undefined : await startLatencyProxy(source.host, latency);
          const contenders = pulls(proxy?.host ?? source.host, workload);
          console.error(`into one file: ${title}`);
          pull.push([title, await bench.pull(contenders, workload)]);
          await bench.preparePush(contenders, workload);
          console.error(`into a registry: ${title}`);
          push.push([title, await bench.push(workload, latency)]);
          proxy?.close();
        }
      }
    } finally {
      await source.stop();
    }
    return { start, sizes, pull, push, machine: await machine() };
  },

  report({ start, sizes, pull, push, machine }, { rounds, small }, { day, node, cores, load }) {
    return {
      figures: [
        `${day}; ${cores} cores, ${machine.hardware}; ${node}, ${machine.versions}; ${rounds} rounds; ${load}.`,
        `\`helm airgap --help\`: ${start}, median of 10.`,
        sizes.join('\n'),
        '### From a registry into one file',
        costsTable(pull),
        '### From the file into an empty registry',
        costsTable(push),
      ].join('\n\n'),
      section: small ? undefined : 'bench',
      faults: [],
      isGood: true,
    };
  },
});

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

function measureStart(): string {
  const times = Array.from({ length: 10 }, () => {
    const begun = performance.now();
    spawnSync(launcher, ['--help'], { stdio: 'ignore' });
    return performance.now() - begun;
  });
  return `${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`;
}

/** File system type of tmpfs (TMPFS_MAGIC of statfs(2)). */
const TMPFS = 0x01021994;

/** Describes hardware and programs, without the machine's name. */
async function machine(): Promise<{ hardware: string; versions: string }> {
  const disk = (await statfs(tmpdir())).type === TMPFS ? 'memory-backed disk' : 'disk';
  const skopeo = runOk('skopeo', ['--version']).trim().replace(' version', '');
  const distribution = /\d+\.\d+\.\d+\S*/.exec(runOk('docker-registry', ['--version']))?.[0];
  return {
    hardware: `${Math.round(totalmem() / 1e9)} GB of memory, ${disk}, Linux ${release()}`,
    versions: `${skopeo}, distribution ${distribution}`,
  };
}

/**
 * Formats a row for each workload: medians, and ratios of runs of the same round. All rows have the same contenders, the
 * first of which is compared with the others.
 */
function costsTable(rows: Rows): string {
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
