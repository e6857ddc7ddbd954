import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ignoreEvents } from '../../src/base/events.ts';
import { ReferrerCollector } from '../../src/transfer/referrers/collect.ts';
import { Walker } from '../../src/transfer/walk.ts';
import { write } from '../support/bundles.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { MemoryRegistry, noise, references } from '../support/memory-registry.ts';
import { addReferrer, addTagged } from '../support/referrers.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** `prune` with a real registry (distribution 2.8): it has no referrers API, and refuses to delete tags alone. */

const home = scratchFolder();
const file = (name: string): string => join(home, name);
let registry: TestRegistry;

/** Writes a bundle of images and their referrers. */
async function bundle(name: string, source: MemoryRegistry, images: readonly string[]): Promise<void> {
  const options = { platforms: [], concurrency: 4 };
  const walker = new Walker(source, options);
  await walker.add(references(...images));
  const collector = new ReferrerCollector(source, walker, { ...options, emit: ignoreEvents });
  await collector.collect(walker.graph().roots);
  await write(file(name), source, { graph: await collector.withBlobs(walker.graph()) });
}

beforeAll(async () => {
  const source = new MemoryRegistry();
  source.listsReferrers = true;
  const base = noise('base', 30_000);
  for (const tag of ['1', '2']) {
    const image = source.addImage('quay.io/team/app', tag, [base, noise(`app ${tag}`, 5000)]);
    addTagged(source, 'quay.io/team/app', image);
    addReferrer(source, 'quay.io/team/app', image);
  }
  const amd = source.addImage('quay.io/team/multi', undefined, [base, noise('amd', 900)]);
  const arm = source.addImage('quay.io/team/multi', undefined, [noise('arm', 700)], 'linux/arm64');
  source.addIndex('quay.io/team/multi', '3', [amd, arm]);
  source.addIndex('quay.io/team/multi', '4', [amd]);
  source.addImage('docker.io/library/dropped', '1', [noise('dropped', 800)]);
  const old = ['quay.io/team/app:1', 'quay.io/team/multi:3', 'docker.io/library/dropped:1'];
  await bundle('old.tar', source, old);
  await bundle('new.tar', source, ['quay.io/team/app:2', 'quay.io/team/multi:4']);
});

/** Starts a registry with both bundles and with what others have there. */
async function filled(options: Parameters<typeof startRegistry>[0] = {}): Promise<TestRegistry> {
  const started = await startRegistry(options);
  const to = ['--to', `${started.host}/mirror`, '--plain-http', started.host];
  await airgapOk(['push', file('old.tar'), ...to], home);
  await airgapOk(['push', file('new.tar'), ...to, '--receipt', file(`receipt-${started.host}.json`)], home);
  await pushImage(started.host, 'mirror/own/tool', '1');
  await pushImage(started.host, 'elsewhere/quay.io/team/app', '1');
  return started;
}

beforeAll(async () => {
  registry = await filled();
});
afterAll(async () => {
  await registry.stop();
});

interface Entry {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: string;
  readonly reason?: string;
  readonly status?: string;
}

const plain = (): string[] => ['--plain-http', registry.host];
const target = (): string => `${registry.host}/mirror`;
const tags = async (path: string): Promise<string[]> => {
  const answer = await fetch(`${registry.url}/v2/${path}/tags/list`);
  return ((await answer.json()) as { tags?: string[] | null }).tags ?? [];
};
const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
const digestAt = async (path: string, tag: string): Promise<string | null> => {
  const answer = await fetch(`${registry.url}/v2/${path}/manifests/${tag}`, { method: 'HEAD', headers: { accept } });
  return answer.headers.get('docker-content-digest');
};
const stands = async (path: string, digest: string): Promise<boolean> => {
  return (await fetch(`${registry.url}/v2/${path}/manifests/${digest}`, { method: 'HEAD', headers: { accept } })).ok;
};

test('a plan lists what nothing needs and deletes nothing; its list is deleted exactly, and the rest stays whole', async () => {
  const prune = ['prune', target(), '--keep', file('new.tar'), ...plain()];
  const plan = JSON.parse((await airgapOk([...prune, '-o', 'json'], home)).stdout);
  const entries: Entry[] = plan.entries;
  const names = entries.filter(({ tag }) => tag !== undefined).map(({ repository, tag }) => `${repository}:${tag}`);
  expect(names.filter((name) => !/sha256-/.test(name))).toEqual([
    `${target()}/docker.io/library/dropped:1`,
    `${target()}/quay.io/team/app:1`,
    `${target()}/quay.io/team/multi:3`,
  ]);
  // The signature of app:1 and the list of its referrers go with it; those of app:2 stay.
  expect(names.filter((name) => /sha256-/.test(name))).toHaveLength(2);
  expect(plan.foreign).toEqual([`${registry.host}/mirror/own/tool`]);
  const multi = entries.filter(({ repository }) => repository.endsWith('multi'));
  expect(multi.map(({ reason }) => reason)).toEqual(['unused', 'part']);
  expect(await tags('mirror/quay.io/team/app')).toContain('1');

  await airgapOk([...prune, '--out', file('prune.yaml')], home);
  const listed = readFileSync(file('prune.yaml'), 'utf8');
  expect(listed.match(/^ {2}- \{/gm)).toHaveLength(entries.length);
  const refused = await airgap([...prune, '--out', file('prune.yaml')], home);
  expect([refused.code, readFileSync(file('prune.yaml'), 'utf8')]).toEqual([1, listed]);

  const deletion = ['prune', '--delete', file('prune.yaml'), '--keep', file('new.tar'), ...plain()];
  await airgapOk([...deletion, '--dry-run'], home);
  expect(await tags('mirror/quay.io/team/app')).toContain('1');

  const { stdout } = await airgapOk([...deletion, '--receipt', file('gone.json'), '-o', 'json'], home);
  expect(JSON.parse(stdout).counts).toMatchObject({ deleted: entries.length, gone: 0, left: 0, failed: 0 });
  const receipt = JSON.parse(readFileSync(file('gone.json'), 'utf8'));
  expect(receipt).toMatchObject({ kind: 'PruneReceipt', target: target(), counts: { deleted: entries.length } });
  for (const { repository, digest } of entries)
    expect(await stands(repository.slice(registry.host.length + 1), digest), digest).toBe(false);
  const verify = ['verify', file('new.tar'), '--receipt', file(`receipt-${registry.host}.json`), ...plain()];
  await airgapOk(verify, home);
  expect(await tags('mirror/own/tool')).toEqual(['1']);
  expect(await tags('elsewhere/quay.io/team/app')).toEqual(['1']);

  // A second run finds nothing more, and the same list again is all gone.
  expect(JSON.parse((await airgapOk([...prune, '-o', 'json'], home)).stdout).entries).toEqual([]);
  const again = JSON.parse((await airgapOk([...deletion, '-o', 'json'], home)).stdout);
  expect(again.counts).toMatchObject({ deleted: 0, gone: entries.length });
});

test('what runs in a Pod stays, by its tag and by its digest, and what others filled goes only if asked for', async () => {
  await airgapOk(['push', file('old.tar'), '--to', target(), ...plain()], home);
  const digest = await digestAt('mirror/own/tool', '1');
  const container = (name: string, image: string, imageID: string) => ({
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'main', image }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'main', imageID, state: { running: {} } }] },
  });
  const items = [
    container('by-tag', `${target()}/quay.io/team/app:1`, ''),
    container('redirected', 'docker.io/library/dropped:1', ''),
    container('by-digest', 'moved.example/tool:7', `moved.example/tool@${digest}`),
  ];
  writeFileSync(file('pods.json'), JSON.stringify({ kind: 'PodList', items }));
  const prune = ['prune', target(), '--keep', file('new.tar'), ...plain(), '-o', 'json', '--include-foreign'];
  const without = JSON.parse((await airgapOk(prune, home)).stdout).entries as Entry[];
  expect(without.map(({ repository }) => repository)).toContain(`${target()}/own/tool`);
  const { entries } = JSON.parse((await airgapOk([...prune, '--pods', file('pods.json')], home)).stdout);
  expect(entries.map(({ repository, reason }: Entry) => [repository, reason])).toEqual([
    [`${target()}/quay.io/team/multi`, 'unused'],
    [`${target()}/quay.io/team/multi`, 'part'],
  ]);
});

test('another naming than that of the push loses nothing', async () => {
  const prune = ['prune', target(), '--keep', file('new.tar'), ...plain(), '-o', 'json', '--naming', '{host}/{name}'];
  const { entries } = JSON.parse((await airgapOk(prune, home)).stdout) as { entries: Entry[] };
  expect(entries.filter(({ tag }) => tag === '2' || tag === '4')).toEqual([]);
  expect(entries.length).toBeGreaterThan(0);
  const elsewhere = await airgap(['prune', `${registry.host}/elsewhere`, '--keep', file('new.tar'), ...plain()], home);
  expect([elsewhere.code, elsewhere.stdout]).toEqual([2, '']);
});

test('a registry that hides its catalogue takes a list of repositories', async () => {
  writeFileSync(file('repositories.txt'), `# ours\nmirror/quay.io/team/multi\n${target()}/quay.io/team/app\n`);
  const prune = ['prune', target(), '--keep', file('new.tar'), ...plain(), '-o', 'json', '--repositories'];
  const { entries, foreign } = JSON.parse((await airgapOk([...prune, file('repositories.txt')], home)).stdout);
  const paths = new Set(entries.map(({ repository }: Entry) => repository));
  expect([...paths]).toEqual([`${target()}/quay.io/team/app`, `${target()}/quay.io/team/multi`]);
  expect(foreign).toEqual([]);
  writeFileSync(file('outside.txt'), 'elsewhere/quay.io/team/app\n');
  expect((await airgap([...prune, file('outside.txt')], home)).code).toBe(2);
});

test('what was edited, moved or signed after the list is left, with exit code 3', async () => {
  const list = file('changed.yaml');
  await airgapOk(['prune', target(), '--keep', file('new.tar'), ...plain(), '--out', list], home);
  const lines = readFileSync(list, 'utf8').split('\n');
  // The child of multi:3 is no longer listed; the tag dropped:1 moves.
  writeFileSync(list, lines.filter((line) => !/reason: part/.test(line)).join('\n'));
  await pushImage(registry.host, 'mirror/docker.io/library/dropped', '1');
  const run = await airgap(['prune', '--delete', list, ...plain(), '-o', 'json'], home);
  expect(run.code, run.stderr).toBe(3);
  const { entries } = JSON.parse(run.stdout) as { entries: Entry[] };
  const status = (name: string) => entries.find(({ repository, tag }) => `${repository}:${tag}`.endsWith(name))?.status;
  expect([status('dropped:1'), status('multi:3'), status('app:1')]).toEqual(['left', 'deleted', 'deleted']);
  expect(await tags('mirror/docker.io/library/dropped')).toEqual(['1']);
  const arm = lines.find((line) => /reason: part/.test(line));
  const digest = /digest: (sha256:\w+)/.exec(arm ?? '')?.[1] ?? '';
  expect(await stands('mirror/quay.io/team/multi', digest)).toBe(true);
});

test('a list of another registry, of another version, or with a line twice deletes nothing', async () => {
  const entry = (repository: string): string =>
    `  - {repository: ${repository}, tag: "4", digest: "sha256:${'a'.repeat(64)}", size: 1, reason: unused}\n`;
  const head = (version = 'airgap/v1'): string =>
    `apiVersion: ${version}\nkind: PruneList\ntarget: ${target()}\ncreated: 2026-01-01T00:00:00.000Z\nentries:\n`;
  const own = entry(`${target()}/quay.io/team/multi`);
  const lists = {
    'another registry': head() + own + entry('other.example/mirror/quay.io/team/multi'),
    'another prefix': head() + own + entry(`${registry.host}/elsewhere/quay.io/team/app`),
    'a longer prefix': head() + own + entry(`${registry.host}/mirrored/quay.io/team/app`),
    'another version': head('airgap/v2') + own,
    'a line twice': head() + own + own,
    'a name outside': head() + own + entry(`${target()}/../elsewhere`),
    'no list': 'apiVersion: airgap/v1\nkind: LockFile\n',
    'a bundle': readFileSync(file('new.tar')),
  };
  for (const [name, text] of Object.entries(lists)) {
    writeFileSync(file('bad.yaml'), text);
    const run = await airgap(['prune', '--delete', file('bad.yaml'), ...plain()], home);
    expect(run.code, name).toBe(2);
  }
  expect(await tags('mirror/quay.io/team/multi')).toContain('4');
});

test('a kept digest that was added to a list is left', async () => {
  const digest = await digestAt('mirror/quay.io/team/multi', '4');
  const list = (tag: string): string =>
    `apiVersion: airgap/v1\nkind: PruneList\ntarget: ${target()}\ncreated: 2026-01-01T00:00:00.000Z\nentries:\n  - {repository: ${target()}/quay.io/team/multi, ${tag}digest: "${digest}", size: 1, reason: unused}\n`;
  writeFileSync(file('kept.yaml'), list(''));
  const byDigest = await airgap(['prune', '--delete', file('kept.yaml'), ...plain()], home);
  writeFileSync(file('kept.yaml'), list('tag: "4", '));
  const byTag = await airgap(['prune', '--delete', file('kept.yaml'), '--keep', file('new.tar'), ...plain()], home);
  expect([byDigest.code, byTag.code]).toEqual([3, 3]);
  expect(await tags('mirror/quay.io/team/multi')).toContain('4');
});

test('a tag that shares its digest goes alone, or stays where the registry does not delete tags', async () => {
  const manifest = await fetch(`${registry.url}/v2/mirror/quay.io/team/multi/manifests/4`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  await fetch(`${registry.url}/v2/mirror/quay.io/team/multi/manifests/same`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    body: Buffer.from(await manifest.arrayBuffer()),
  });
  const list = file('same.yaml');
  const prune = ['prune', target(), '--keep', file('new.tar'), ...plain(), '--out', list, '-o', 'json'];
  const { entries } = JSON.parse((await airgapOk(prune, home)).stdout) as { entries: Entry[] };
  expect(entries.find(({ tag }) => tag === 'same')).toMatchObject({ reason: 'tag-only' });
  const run = await airgap(['prune', '--delete', list, ...plain(), '-o', 'json'], home);
  expect(run.code, run.stderr).toBe(1);
  expect(run.stdout).toContain('"status": "failed"');
  expect((await tags('mirror/quay.io/team/multi')).sort()).toEqual(['4', 'same']);
});

test('a registry that does not delete is asked once, and the report says that all is left', async () => {
  const locked = await filled({ refusesDeletes: true });
  try {
    const list = file('locked.yaml');
    const access = ['--plain-http', locked.host];
    await airgapOk(['prune', `${locked.host}/mirror`, '--keep', file('new.tar'), ...access, '--out', list], home);
    const deletion = ['prune', '--delete', list, ...access, '--receipt', file('locked.json'), '-o', 'json'];
    const run = await airgap(deletion, home);
    expect(run.code).toBe(1);
    const failure = JSON.parse(run.stdout);
    expect(failure.errors.map(({ code }: { code: string }) => code)).toEqual(['unsupported']);
    expect(failure.errors[0].hint).toContain('storage.delete.enabled');
    const { counts } = JSON.parse(readFileSync(file('locked.json'), 'utf8'));
    expect(counts).toMatchObject({ deleted: 0, gone: 0, failed: 1 });
  } finally {
    await locked.stop();
  }
});
