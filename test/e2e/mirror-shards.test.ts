import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk, cleanEnvironment, helmUnderTest, launcher } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { type ObservingProxy, startObservingProxy } from '../support/observing-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { type ShardedJob, shardedJobs } from '../support/sharded-jobs.ts';

/**
 * The jobs of docs/mirror-sharding.md with the real plugin: one process for each shard, one of which is killed and started again.
 * The target has everything, and nothing was sent twice.
 */

const [kubernetes, batch] = shardedJobs() as [ShardedJob, ShardedJob];
const SHARDS = kubernetes.processes;
const REPOSITORIES = Array.from({ length: 16 }, (_, i) => `team-${i % 3}/app-${i}`);
const TAGS = ['1', '2'];
const home = scratchFolder();
const programs = join(home, 'bin');
let source: TestRegistry;
let target: TestRegistry;
/** One before the target for each shard, so that its requests can be told apart. */
let fronts: readonly ObservingProxy[];
/** Repositories of each shard. */
let lists: readonly (readonly string[])[];

beforeAll(async () => {
  [source, target] = await Promise.all([startRegistry(), startRegistry()]);
  fronts = await Promise.all(Array.from({ length: SHARDS }, () => startObservingProxy(target.host)));
  for (const repository of REPOSITORIES) {
    for (const tag of TAGS) await pushImage(source.host, repository, tag, { platforms: ['linux/amd64'] });
  }
  mkdirSync(programs);
  const hosts = [source, ...fronts].map(({ host }) => `--plain-http ${host}`).join(' ');
  const lines = ['#!/bin/sh', 'shift', `exec '${launcher}' "$@" --naming path -o json ${hosts}`, ''];
  writeFileSync(join(programs, 'helm'), lines.join('\n'));
  chmodSync(join(programs, 'helm'), 0o755);
  lists = await Promise.all(
    fronts.map(async (_, i) => {
      const shard = ['--shard', `${i}/${SHARDS}`, '--list', '-o', 'json'];
      const { stdout } = await airgapOk(['mirror', '--from', source.host, '--plain-http', source.host, ...shard], home);
      return JSON.parse(stdout).repositories.map(({ repository }: { repository: string }) => repository);
    }),
  );
});
afterAll(async () => {
  await Promise.all(fronts.map(({ stop }) => stop()));
  await Promise.all([source.stop(), target.stop()]);
});

/** Runs a job's process as its scheduler would. @returns its exit code; undefined: killed */
async function runProcess(job: ShardedJob, i: number, killWhen?: Promise<unknown>): Promise<number | undefined> {
  const own = { ...job.variables, SOURCE: source.host, TARGET: `${fronts[i]?.host}/m`, [job.index]: String(i) };
  const folder = join(home, `process-${i}`);
  mkdirSync(folder, { recursive: true });
  const env = { ...cleanEnvironment(folder), TMPDIR: folder, HELM_BIN: helmUnderTest(), ...own };
  const [program = '', ...args] = job.command;
  const options = { cwd: folder, extendEnv: false, reject: false, stdin: 'ignore' } as const;
  const child = execa(program, args, { ...options, env: { ...env, PATH: `${programs}:${process.env.PATH}` } });
  killWhen?.then(() => child.kill('SIGKILL'));
  const { exitCode, stderr } = await child;
  if (exitCode !== 0 && killWhen === undefined) throw new Error(`${job.system}, ${i}: ${exitCode}\n${stderr}`);
  return exitCode;
}

/** How often each manifest was written. */
function written(...proxies: readonly ObservingProxy[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { requests } of proxies) {
    for (const { method, path } of requests) {
      if (method === 'PUT' && path.includes('/manifests/')) counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return counts;
}

test('each repository is in one shard', () => {
  expect(lists.flat().sort()).toEqual(REPOSITORIES.map((repository) => `${source.host}/${repository}`).sort());
  expect(lists.filter(({ length }) => length > 0).length).toBeGreaterThan(2);
});

test('a process for each shard, one of them killed and started again', async () => {
  const sizes = lists.map(({ length }) => length);
  const victim = sizes.indexOf(Math.max(...sizes));
  const front = fronts[victim] as ObservingProxy;
  let kill = (): void => {};
  const when = new Promise<void>((resolve) => {
    kill = resolve;
  });
  let tags = 0;
  front.begin(({ method, path }) => {
    // Two tags are written, and others are on their way.
    if (method !== 'PUT' || !/\/manifests\/[12]$/.test(path) || ++tags < 3) return undefined;
    kill();
    return new Promise((resolve) => setTimeout(resolve, 500));
  });
  const codes = await Promise.all(fronts.map((_, i) => runProcess(kubernetes, i, i === victim ? when : undefined)));
  expect(codes).toEqual(fronts.map((_, i) => (i === victim ? undefined : 0)));
  expect(treeOf(target, 'm').length).toBeLessThan(treeOf(source).length);

  const before = written(front);
  front.begin();
  await runProcess(kubernetes, victim);
  expect(treeOf(target, 'm')).toEqual(treeOf(source));

  const byOthers = written(...fronts.filter((_, i) => i !== victim));
  const again = written(front);
  expect([...byOthers.values(), ...again.values()].filter((count) => count !== 1)).toEqual([]);
  expect([...again.keys()].filter((path) => byOthers.has(path))).toEqual([]);
  // Only what was on its way is written again.
  expect([...again.keys()].filter((path) => before.has(path)).length).toBeLessThan(tags + 2);
  expect(again.size).toBeGreaterThan(0);
});

test('another scheduler with the same shards finds nothing to do', async () => {
  for (const proxy of fronts) proxy.begin();
  await Promise.all(fronts.map((_, i) => runProcess(batch, i)));
  for (const proxy of fronts) expect(proxy.count(/^(?:POST|PUT|PATCH|DELETE)$/)).toBe(0);
  const heads = fronts.reduce((sum, { count }) => sum + count(/^HEAD$/, /\/manifests\/[12]$/), 0);
  expect(heads).toBe(REPOSITORIES.length * TAGS.length);
});

test.each(['4/4', '-1/4', '0/4/2'])('--shard %s is refused', async (text) => {
  const { code, stderr } = await airgap(['mirror', '--from', source.host, '--list', `--shard=${text}`], home);
  expect(code).toBe(2);
  expect(stderr).toContain('--shard');
});
