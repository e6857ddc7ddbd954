/**
 * Compares `helm airgap` with skopeo, from a registry into one file and from the file into an empty registry: images that
 * share large layers, many small blobs, one large layer, images of two platforms; the first two also with 30 ms of latency.
 * Everything runs on loopback, one after the other, and is checked after each run.
 *
 *   npm run bench -- [--rounds N] [--small]
 *
 * Needs docker-registry, skopeo and a built plugin; files go to TMPDIR (about 6 GB). Without `--small` the figures in
 * docs/results/speed.md are replaced.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRegistry } from '../test/support/registry.ts';
import { checkArchive, checkRegistry } from './check.ts';
import { pulls, pushes } from './contenders.ts';
import { putImages, through, workloads } from './images.ts';
import { startLatencyProxy } from './latency.ts';
import { measure } from './measure.ts';
import { circumstances, median, replaceFigures, table } from './report.ts';

const root = join(import.meta.dirname, '..');
const airgap = join(root, 'scripts/airgap');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, small: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1 on');
const scale = values.small ? 0.02 : 0.25;
/** Milliseconds of latency of a distant registry. */
const LATENCY = 30;

const missing = [
  ...['docker-registry', 'skopeo'].filter((name) => spawnSync(name, ['--version']).error !== undefined),
  ...(existsSync(join(root, 'dist/airgap.cjs')) ? [] : ['dist/ (npm run build)']),
];
if (missing.length > 0) {
  console.log(`Skipped: ${missing.join(' and ')} missing.`);
  process.exit(0);
}

const load = loadavg()[0];
const folder = await mkdtemp(join(tmpdir(), 'airgap-bench-'));
const folders = { work: join(folder, 'work'), kept: join(folder, 'kept') };
const env = { ...process.env, TMPDIR: folder, AIRGAP: airgap, WORK: folders.work, KEPT: folders.kept };
const source = await startRegistry();

/** Runs one contender in an empty folder, and checks the result. */
async function runOnce(script, check) {
  await rm(folders.work, { recursive: true, force: true });
  await mkdir(folders.work, { recursive: true });
  const cost = await measure(script, folders.work, env);
  await check();
  return cost;
}

function pull(_name, script, workload, _isDistant) {
  return runOnce(script, () => checkArchive(join(folders.work, 'out.tar'), workload));
}

/** Creates the input of pushes, by runs that are not measured. */
async function preparePush({ airgap, skopeo }, workload) {
  await mkdir(folders.kept, { recursive: true });
  await pull('airgap', airgap, workload);
  await rename(join(folders.work, 'out.tar'), join(folders.kept, 'bundle.tar'));
  await pull('skopeo', skopeo, workload);
  await rename(join(folders.work, 'out.tar'), join(folders.kept, 'layout.tar'));
  await rename(join(folders.work, 'oci'), join(folders.kept, 'layout'));
}

/** Pushes to an empty registry on a new port: skopeo remembers which registry has which blobs. */
async function push(name, _script, workload, isDistant) {
  const target = await startRegistry();
  const proxy = isDistant ? await startLatencyProxy(target.host, LATENCY) : undefined;
  try {
    const script = pushes(proxy?.host ?? target.host, workload)[name];
    return await runOnce(script, () => checkRegistry(target.host, workload));
  } finally {
    proxy?.close();
    await target.stop();
  }
}

/** Runs all contenders in each round, starting with another one each time, so that drift affects all alike. */
async function compare(run, contenders, workload, isDistant) {
  const names = Object.keys(contenders);
  const costs = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const index of names.keys()) {
      const name = names[(index + round) % names.length];
      const cost = await run(name, contenders[name], workload, isDistant);
      costs.get(name).push(cost);
      console.error(`round ${round + 1} ${run.name} ${name}: ${cost.wall.toFixed(2)} s`);
    }
  }
  return costs;
}

/** Measures the start. Runs first, since a process spawns others more slowly the larger it has become. */
function measureStart() {
  const times = Array.from({ length: 10 }, () => {
    const begun = performance.now();
    spawnSync(airgap, ['--help'], { stdio: 'ignore' });
    return performance.now() - begun;
  });
  return `${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`;
}

const LABELS = {
  shared: 'shared layers',
  small: 'small blobs',
  large: 'one large layer',
  platforms: 'two platforms',
};

try {
  const start = measureStart();
  const rows = { pull: [], push: [] };
  const sizes = [];
  for (const [name, images] of Object.entries(workloads(scale))) {
    console.error(`building the images: ${LABELS[name]}`);
    const near = await putImages(source.host, name, images);
    const blobs = `${near.references.length} images, ${near.digests.size} blobs`;
    sizes.push(`* ${LABELS[name]}: ${blobs}, ${(near.bytes / 1e9).toFixed(2)} GB unique`);
    for (const isDistant of name === 'shared' || name === 'small' ? [false, true] : [false]) {
      const proxy = isDistant ? await startLatencyProxy(source.host, LATENCY) : undefined;
      const workload = proxy === undefined ? near : through(proxy.host, near);
      const label = isDistant ? `${LABELS[name]}, ${LATENCY} ms of latency` : LABELS[name];
      const contenders = pulls(proxy?.host ?? source.host, workload);
      rows.pull.push([label, await compare(pull, contenders, workload, isDistant)]);
      await preparePush(contenders, workload);
      rows.push.push([label, await compare(push, pushes('', workload), workload, isDistant)]);
      proxy?.close();
      await rm(folders.kept, { recursive: true, force: true });
    }
  }
  const figures = [
    circumstances(rounds, load),
    `\`helm airgap --help\`: ${start}, median of 10.`,
    sizes.join('\n'),
    '### From a registry into one file',
    table(rows.pull),
    '### From the file into an empty registry',
    table(rows.push),
  ].join('\n\n');
  console.log(figures);
  if (!values.small) replaceFigures(join(root, 'docs/results/speed.md'), 'bench', figures);
} finally {
  await source.stop();
  await rm(folder, { recursive: true, force: true });
}
