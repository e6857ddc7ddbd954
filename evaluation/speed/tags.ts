import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launcher } from '../../test/support/cli.ts';
import { type Cost, measureCost } from '../cost.ts';
import { table } from '../page.ts';

/** Size of a registry. */
export interface TagsWorkload {
  readonly repositories: number;
  /** Of each repository. */
  readonly tags: number;
}

/** Names in a page of its lists. */
const PAGE = 20;

/** Numbers of requests by method and end point. */
type Counts = Readonly<Record<string, number>>;

/** A step of a mirror with many tags. */
export interface TagsStep {
  readonly title: string;
  readonly cost: Cost;
  readonly source: Counts;
  readonly target: Counts;
}

/** A registry in memory, in a process of its own. */
interface PagingRegistry {
  readonly host: string;
  /** Numbers of requests since the last time. */
  counts(): Promise<Counts>;
  /** Digests of all tags, by `REPOSITORY:TAG`. */
  digests(): Promise<Readonly<Record<string, string>>>;
  stop(): void;
}

async function startPagingRegistry({ repositories, tags }: TagsWorkload): Promise<PagingRegistry> {
  const child = fork(join(import.meta.dirname, 'paging-registry.ts'), [repositories, tags, PAGE].map(String));
  const [host] = (await once(child, 'message')) as [string];
  const ask = async (what: string): Promise<Record<string, never>> => {
    child.send(what);
    const [answer] = (await once(child, 'message')) as [Record<string, never>];
    return answer;
  };
  return {
    host,
    counts: () => ask('counts'),
    digests: () => ask('digests'),
    stop: () => void child.kill(),
  };
}

/**
 * Plans, copies and copies again all repositories of a registry that sends its lists in pages.
 * @throws Error if a target lacks a tag afterwards, or if a second run has written or read content
 */
export async function measureTags(workload: TagsWorkload, folder: string): Promise<readonly TagsStep[]> {
  const source = await startPagingRegistry(workload);
  const target = await startPagingRegistry({ repositories: 0, tags: 0 });
  const steps: TagsStep[] = [];
  const plan = join(folder, 'tags.json');
  const pinned = join(folder, 'digests.json');
  const to = `--to ${target.host} --naming path`;
  const step = async (title: string, ...args: readonly string[]): Promise<TagsStep> => {
    const script = `"$AIRGAP" mirror ${args.join(' ')} --plain-http ${source.host} --plain-http ${target.host}`;
    const cost = await measureCost(script, join(folder, 'work'), { ...process.env, TMPDIR: folder, AIRGAP: launcher });
    const done = { title, cost, source: await source.counts(), target: await target.counts() };
    console.error(`${title}: ${cost.wall.toFixed(1)} s, ${cost.memory.toFixed(0)} MB`);
    steps.push(done);
    return done;
  };
  try {
    await step('plan: `--from --plan FILE --list`', `--from ${source.host} --plan ${plan} --list`);
    await step('dry run by the plan', `--plan ${plan} --dry-run ${to}`);
    await step('first copy by the plan', `--plan ${plan} ${to}`);
    const digests = await source.digests();
    assertEqual(await target.digests(), digests);
    pinPlan(plan, pinned, digests);
    assertNothingNew(await step('again, `--from`', `--from ${source.host} ${to}`));
    assertNothingNew(await step('again, by the plan', `--plan ${plan} ${to}`));
    assertNothingNew(await step('again, by a plan with digests', `--plan ${pinned} ${to}`));
    assertNothingNew(await step('the same with `--no-referrers`', `--plan ${pinned} --no-referrers ${to}`));
    return steps;
  } finally {
    source.stop();
    target.stop();
  }
}

/** Writes a plan again, with the digest of each tag. */
function pinPlan(plan: string, pinned: string, digests: Readonly<Record<string, string>>): void {
  const document = JSON.parse(readFileSync(plan, 'utf8')) as { repositories: { repository: string; tags: string[] }[] };
  for (const entry of document.repositories) {
    const path = entry.repository.slice(entry.repository.indexOf('/') + 1);
    entry.tags = entry.tags.map((tag) => `${tag}@${digests[`${path}:${tag}`]}`);
  }
  writeFileSync(pinned, JSON.stringify(document));
}

function assertEqual(found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): void {
  const wrong = Object.entries(wanted).find(([name, digest]) => found[name] !== digest);
  if (wrong !== undefined) throw new Error(`after the copy: ${wrong[0]} is ${found[wrong[0]]}, not ${wrong[1]}`);
}

/** Requests of a run with nothing new: lists, referrers, and questions for tags. */
const HARMLESS = /^(?:HEAD manifest|GET tags|GET catalog|GET referrers|GET v2)$/;

/** @throws Error if a run has read or written content */
export function assertNothingNew({ title, source, target }: TagsStep): void {
  const wrong = Object.keys({ ...source, ...target }).find((what) => !HARMLESS.test(what));
  if (wrong !== undefined) throw new Error(`${title}: ${wrong}`);
}

/** Formats the costs and the requests of all steps. */
export function tagsTables(steps: readonly TagsStep[]): string[] {
  const costs = steps.map(({ title, cost }) => [
    title,
    cost.wall.toFixed(1),
    cost.cpu.toFixed(1),
    cost.memory.toFixed(0),
  ]);
  const kinds = [...new Set(steps.flatMap(({ source, target }) => Object.keys({ ...source, ...target })))].sort();
  const requests = steps.map(({ title, source, target }) => [
    title,
    ...kinds.map((kind) => [source, target].map((counts) => counts[kind] ?? 0).join(' / ')),
  ]);
  return [
    table(['', 's', 'processor time, s', 'memory, MB'], costs),
    'Requests at the source / at the target:',
    table(['', ...kinds], requests),
  ];
}
