/**
 * Compares `helm airgap` with skopeo: six images of 275 MB that share layers, from a registry into one file and from the
 * file into an empty registry. Everything runs on loopback, in turn, and is checked after each run.
 *
 *   npm run bench -- [--rounds N] [--small]
 *
 * Needs docker-registry, skopeo and a built plugin; files go to TMPDIR (about 8 GB). Without `--small` the figures in
 * docs/benchmarks.md are replaced.
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
import { putImages, sharedImages } from './images.ts';
import { measure } from './measure.ts';
import { circumstances, median, replaceFigures, table } from './report.ts';

const root = join(import.meta.dirname, '..');
const airgap = join(root, 'scripts/airgap');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, small: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1 on');
const scale = values.small ? 0.05 : 1;

const missing = [
  ...['docker-registry', 'skopeo'].filter((name) => spawnSync(name, ['--version']).error !== undefined),
  ...(existsSync(join(root, 'dist/airgap.cjs')) ? [] : ['dist/ (npm run build)']),
];
if (missing.length > 0) {
  console.log(`Skipped: ${missing.join(' and ')} not there.`);
  process.exit(0);
}

const load = loadavg()[0];
const folder = await mkdtemp(join(tmpdir(), 'airgap-bench-'));
const places = { work: join(folder, 'work'), kept: join(folder, 'kept') };
const env = { ...process.env, TMPDIR: folder, AIRGAP: airgap, WORK: places.work, KEPT: places.kept };
const source = await startRegistry();

/** One contender's run: a fresh folder, the script, the check. */
async function runOnce(script, check) {
  await rm(places.work, { recursive: true, force: true });
  await mkdir(places.work, { recursive: true });
  const cost = await measure(script, places.work, env);
  await check();
  return cost;
}

function pull(_name, script, workload) {
  return runOnce(script, () => checkArchive(join(places.work, 'out.tar'), workload));
}

/** What pushes start from, by runs that are not measured. */
async function keep({ airgap, skopeo }, workload) {
  await mkdir(places.kept, { recursive: true });
  await pull('airgap', airgap, workload);
  await rename(join(places.work, 'out.tar'), join(places.kept, 'bundle.tar'));
  await pull('skopeo', skopeo, workload);
  await rename(join(places.work, 'out.tar'), join(places.kept, 'layout.tar'));
  await rename(join(places.work, 'oci'), join(places.kept, 'layout'));
}

/** Each time into an empty registry on a port of its own: skopeo remembers what it has sent where. */
async function push(name, _script, workload) {
  const target = await startRegistry();
  try {
    const script = pushes(target.host, workload)[name];
    return await runOnce(script, () => checkRegistry(target.host, workload));
  } finally {
    await target.stop();
  }
}

/** All contenders in each round, beginning with another one each time, so that drift hits all alike. */
async function compare(run, contenders, workload) {
  const names = Object.keys(contenders);
  const costs = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const at of names.keys()) {
      const name = names[(at + round) % names.length];
      const cost = await run(name, contenders[name], workload);
      costs.get(name).push(cost);
      console.error(`round ${round + 1} ${run.name} ${name}: ${cost.wall.toFixed(2)} s`);
    }
  }
  return costs;
}

/** Before anything else: starting a program takes a process longer, the larger it has become. */
function startUp() {
  const times = Array.from({ length: 10 }, () => {
    const begun = performance.now();
    spawnSync(airgap, ['--help'], { stdio: 'ignore' });
    return performance.now() - begun;
  });
  return `${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`;
}

try {
  const start = startUp();
  console.error('making the images');
  const workload = await putImages(source.host, 'shared', sharedImages(scale));
  const gigabytes = ({ bytes }) => `${(bytes / 1e9).toFixed(2)} GB`;
  const pulled = await compare(pull, pulls(source.host, workload), workload);
  await keep(pulls(source.host, workload), workload);
  const pushed = await compare(push, pushes(source.host, workload), workload);
  const large = await putImages(source.host, 'large', [[['large', Math.round(2e9 * scale)]]]);
  const alone = await pull('airgap', pulls(source.host, large).airgap, large);
  await rename(join(places.work, 'out.tar'), join(places.kept, 'bundle.tar'));
  const sent = await push('airgap', '', large);
  const archive = workload.bytes / 1e6;
  const figures = [
    circumstances(rounds, load),
    `\`helm airgap --help\`: ${start}, median of 10.`,
    `### From a registry into one file: 6 images, ${gigabytes(workload)} unique`,
    table(pulled),
    `Disk at its fullest, beside the bytes of the layers: ${median(pulled.get('airgap').map(({ disk }) => disk / archive)).toFixed(3)} times.`,
    '### From the file into an empty registry',
    table(pushed),
    `### Memory does not grow: one layer of ${gigabytes(large)}`,
    `Bundle ${alone.memory.toFixed(0)} MB, push ${sent.memory.toFixed(0)} MB at their peaks.`,
  ].join('\n\n');
  console.log(figures);
  if (!values.small) replaceFigures(join(root, 'docs/benchmarks.md'), 'bench', figures);
} finally {
  await source.stop();
  await rm(folder, { recursive: true, force: true });
}
