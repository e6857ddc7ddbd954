import { spawnSync } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { release, tmpdir, totalmem } from 'node:os';
import { launcher } from '../../test/support/cli.ts';
import { startRegistry, type TestRegistry } from '../../test/support/registry.ts';
import { median } from '../cost.ts';
import { defineEvaluation } from '../evaluation.ts';
import { absent, checkMissing, runOk } from '../programs.ts';
import { archiveTables, measureArchives } from './archive.ts';
import { putImages, type Workload, workloads } from './images.ts';
import { measureMirrors, mirrorTables } from './mirror.ts';
import { measureTags, tagsTables } from './tags.ts';

/** Milliseconds of latency of a distant registry. */
const LATENCY = 30;

/** Workloads in the order of the tables. */
const WORKLOADS = {
  shared: { label: 'shared layers', latencies: [0, LATENCY], mirrored: 1 },
  small: { label: 'small blobs', latencies: [0, LATENCY], mirrored: 0.75 },
  large: { label: 'one large layer', latencies: [0], mirrored: 0.25 },
  platforms: { label: 'two platforms', latencies: [0], mirrored: 0.25 },
} as const;

/** Cost of `bundle`, `push` and `mirror`, compared with other tools. */
export const speed = defineEvaluation({
  script: 'bench',
  summary: `Compares \`helm airgap\` with skopeo, from a registry into one file and from the file into an empty registry, or,
with --mirror, with skopeo, regsync and oras, from a registry into another: images that share large layers, many small
blobs, one large layer, images of two platforms; the first two also with ${LATENCY} ms of latency. Everything runs on
loopback, one after the other, and is checked after each run. Needs docker-registry, the other tools and a built plugin;
files go to TMPDIR (about 6 GB).`,
  options: {
    rounds: { default: 3, least: 1, help: 'rounds of each workload' },
    mirror: { default: false, help: 'from a registry into another, in place of files' },
    tags: { default: false, help: '`mirror` with 20,000 tags in 400 repositories, and nothing else' },
    small: { default: false, help: 'a fiftieth of the size; does not change the page' },
    only: { default: '', help: 'workloads whose title has this text; does not change the page' },
  },

  async measure({ rounds, mirror, tags, small, only }, folder) {
    checkMissing(...absent('docker-registry', 'skopeo', ...(mirror ? ['regsync', 'oras'] : [])));
    // Runs first, since a process spawns others more slowly the larger it has become.
    const start = measureStart();
    const scaleOf = (name: Name): number => (small ? 0.02 : mirror ? WORKLOADS[name].mirrored : 0.25);
    if (tags) {
      const workload = { repositories: small ? 8 : 400, tags: 50 };
      const results = tagsTables(await measureTags(workload, folder));
      const sizes = [`* ${workload.repositories * workload.tags} tags in ${workload.repositories} repositories`];
      return { start, sizes, results, machine: await machine(false) };
    }
    const { sizes, results } = mirror
      ? await onEach(scaleOf, only, (...args) => measureMirrors(...args, rounds, folder), mirrorTables)
      : await onEach(scaleOf, only, (...args) => measureArchives(...args, rounds, folder), archiveTables);
    return { start, sizes, results, machine: await machine(mirror) };
  },

  report({ start, sizes, results, machine }, { rounds, mirror, tags, small, only }, { day, node, cores, load }) {
    return {
      figures: [
        `${day}; ${cores} cores, ${machine.hardware}; ${node}, ${machine.versions}; ${tags ? 'one round' : `${rounds} rounds`}; ${load}.`,
        `\`helm airgap --help\`: ${start}, median of 10.`,
        sizes.join('\n'),
        ...results,
      ].join('\n\n'),
      section: small || only !== '' ? undefined : tags ? 'bench (tags)' : mirror ? 'bench (mirror)' : 'bench',
      faults: [],
      isGood: true,
    };
  },
});

type Name = keyof typeof WORKLOADS;

/**
 * Builds the workloads one by one in a registry, and measures each with its latencies.
 * @param only measures the workloads whose title has this text
 * @param format formats all costs, by title
 */
async function onEach<Costs>(
  scaleOf: (name: Name) => number,
  only: string,
  measure: (source: TestRegistry, workload: Workload, latency: number) => Promise<Costs>,
  format: (rows: readonly (readonly [title: string, costs: Costs])[]) => readonly string[],
): Promise<{ sizes: string[]; results: readonly string[] }> {
  const [sizes, rows]: [string[], [string, Costs][]] = [[], []];
  const source = await startRegistry();
  try {
    for (const [name, { label, latencies }] of Object.entries(WORKLOADS) as [Name, (typeof WORKLOADS)[Name]][]) {
      const titled = latencies
        .map((latency) => [latency, latency === 0 ? label : `${label}, ${latency} ms of latency`] as const)
        .filter(([, title]) => title.includes(only));
      if (titled.length === 0) continue;
      console.error(`building the images: ${label}`);
      const workload = await putImages(source.host, name, workloads(scaleOf(name))[name]);
      const blobs = `${workload.images.length} images, ${workload.digests.size} blobs`;
      sizes.push(`* ${label}: ${blobs}, ${(workload.bytes / 1e9).toFixed(2)} GB unique`);
      for (const [latency, title] of titled) {
        console.error(title);
        rows.push([title, await measure(source, workload, latency)]);
      }
    }
  } finally {
    await source.stop();
  }
  return { sizes, results: format(rows) };
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
async function machine(mirror: boolean): Promise<{ hardware: string; versions: string }> {
  const disk = (await statfs(tmpdir())).type === TMPFS ? 'memory-backed disk' : 'disk';
  const version = (program: string, argument: string): string =>
    /\d+\.\d+\.\d+\S*/.exec(runOk(program, [argument]))?.[0] ?? 'of an unknown version';
  const peers = [
    `skopeo ${version('skopeo', '--version')}`,
    ...(mirror ? [`regsync ${version('regsync', 'version')}`, `oras ${version('oras', 'version')}`] : []),
  ];
  return {
    hardware: `${Math.round(totalmem() / 1e9)} GB of memory, ${disk}, Linux ${release()}`,
    versions: `${peers.join(', ')}, distribution ${version('docker-registry', '--version')}`,
  };
}
