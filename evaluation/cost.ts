import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Cost of one run. */
export interface Cost {
  /** Seconds from start to end. */
  readonly wall: number;
  /** Seconds of processor time of all its processes, user and system. */
  readonly cpu: number;
  /** Peak memory of the largest process, in MB (10^6 bytes). */
  readonly memory: number;
  /** Peak disk usage of the folder, in MB. */
  readonly disk: number;
}

/** Milliseconds between two samples. The kernel keeps a process's peak memory, so only its last moments can be missed. */
const INTERVAL = 50;

/**
 * Runs a shell script and measures it.
 * @param folder created empty before the run; WORK in the script's environment
 * @throws Error with the end of its stderr if it fails
 */
export async function measureCost(script: string, folder: string, env: NodeJS.ProcessEnv): Promise<Cost> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // The outer shell prints the times of its children; the inner one runs the script.
  const wrapper = 'sh -ec "$1"; code=$?; times >&3; exit $code';
  const begun = performance.now();
  const child = spawn('sh', ['-c', wrapper, 'sh', script], {
    env: { ...env, WORK: folder, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const stderr = text(child.stdio[2] as NodeJS.ReadableStream);
  const times = text(child.stdio[3] as NodeJS.ReadableStream);
  let running = true;
  const peaks = { memory: 0, disk: 0 };
  const sampling = (async () => {
    while (running) {
      peaks.memory = Math.max(peaks.memory, ...processesOf(child.pid as number).map(peakMemory));
      peaks.disk = Math.max(peaks.disk, await diskUsage(folder));
      await sleep(INTERVAL);
    }
  })();
  const [code] = await closed;
  const wall = (performance.now() - begun) / 1000;
  running = false;
  await sampling;
  if (code !== 0) throw new Error(`${script}\nended with ${code}: ${(await stderr).slice(-600)}`);
  const seconds = [...(await times).matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
  const cpu = (seconds[2] ?? Number.NaN) + (seconds[3] ?? Number.NaN);
  const disk = Math.max(peaks.disk, await diskUsage(folder)) / 1e6;
  return { wall, cpu, memory: peaks.memory / 1e6, disk };
}

/** Descendants of a process. */
function processesOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...processesOf(child)]);
}

/** Returns the peak memory of a process in bytes; 0 once it has ended. */
export function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Reads a file of /proc; empty once the process has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Disk usage of a folder's files in bytes, without holes. */
async function diskUsage(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await diskUsage(path);
    else bytes += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * 512;
  }
  return bytes;
}

/** Costs of each contender, by round. */
export type Costs<Name extends string = string> = Readonly<Record<Name, readonly Cost[]>>;

/** Runs all contenders in each round, starting with another one each time, so that drift affects all alike. */
export async function inTurn<Name extends string>(
  names: readonly Name[],
  rounds: number,
  run: (name: Name) => Promise<Cost>,
): Promise<Costs<Name>> {
  const costs = Object.fromEntries(names.map((name) => [name, [] as Cost[]])) as Record<Name, Cost[]>;
  for (let round = 0; round < rounds; round++) {
    for (const index of names.keys()) {
      const name = names[(index + round) % names.length] as Name;
      const cost = await run(name);
      costs[name].push(cost);
      console.error(`round ${round + 1}, ${name}: ${cost.wall.toFixed(2)} s, processor ${cost.cpu.toFixed(2)} s`);
    }
  }
  return costs;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

/** Formats the median of a contender's costs. */
export function medianCost(costs: readonly Cost[], key: keyof Cost, digits = 2): string {
  return median(costs.map((cost) => cost[key])).toFixed(digits);
}

/** Formats the ratios of costs in the same round as median (min–max). */
export function ratio(mine: readonly Cost[], theirs: readonly Cost[], key: keyof Cost): string {
  const ratios = mine.map((cost, round) => cost[key] / (theirs[round] as Cost)[key]);
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
  return `**${median(ratios).toFixed(2)}** (${low}–${high})`;
}
