import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { graphOf, write } from '../support/bundles.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { ecrEnvironment } from '../support/ecr/access.ts';
import type { StoredRepository } from '../support/ecr/state.ts';
import { startEcr } from '../support/ecr.ts';
import { MemoryRegistry, noise } from '../support/memory-registry.ts';
import { startProxyTo } from '../support/proxy.ts';
import { scratchFolder } from '../support/scratch.ts';

const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const WEEK = 7 * 24 * 3600 * 1000;

interface Entry {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: string;
  readonly reason: string;
  readonly pushed?: string;
}

test('in ECR: untagged manifests are found, ages told, and BatchDeleteImage deletes what the list names', async () => {
  const home = scratchFolder();
  const file = (name: string): string => join(home, name);
  const source = new MemoryRegistry();
  const base = noise('base', 3000);
  for (const tag of ['1', '2']) {
    const children = ['amd64', 'arm64'].map((arch) =>
      source.addImage('quay.io/team/app', undefined, [base, noise(`${tag} ${arch}`, 500)], `linux/${arch}`),
    );
    source.addIndex('quay.io/team/app', tag, children);
  }
  await write(file('old.tar'), source, { graph: await graphOf(source, ['quay.io/team/app:1']), charts: [] });
  await write(file('new.tar'), source, { graph: await graphOf(source, ['quay.io/team/app:2']), charts: [] });
  // More than one page, and more than one batch.
  const ecr = await startEcr({ pageSize: 40 });
  const proxy = await startProxyTo(ecr.host);
  try {
    const env = ecrEnvironment(ecr.endpoint, proxy);
    const plain = ['--plain-http', host, '--plain-http', ecr.storage];
    for (const name of ['old.tar', 'new.tar'])
      await airgapOk(['push', file(name), '--to', `${host}/m`, ...plain], home, { env });
    const repository = ecr.repositories.get('m/quay.io/team/app') as StoredRepository;
    const { manifests, tags } = repository;
    const kept = new Set(
      [...manifests].filter(([digest]) => isBelow(repository, tags.get('2') ?? '', digest)).map(([digest]) => digest),
    );
    const template = manifests.get(tags.get('2') ?? '');
    if (template === undefined) throw new Error('the index was not pushed');
    const untagged = Array.from({ length: 120 }, (_, i) => {
      const json = { schemaVersion: 2, mediaType: template.mediaType, manifests: [], annotations: { i: String(i) } };
      const bytes = Buffer.from(JSON.stringify(json));
      return { bytes, json, mediaType: template.mediaType };
    });
    const { digestOf } = await import('../support/digest.ts');
    for (const stored of untagged) manifests.set(digestOf(stored.bytes), { ...stored, pushedAt: new Date() });
    for (const stored of manifests.values()) stored.pushedAt = new Date(Date.now() - WEEK);
    const [fresh = ''] = untagged.map(({ bytes }) => digestOf(bytes));
    const young = manifests.get(fresh);
    if (young !== undefined) young.pushedAt = new Date();
    ecr.createRepository('m/own/tool');
    // Another tag of a kept image: only the tag goes.
    tags.set('same', tags.get('2') ?? '');

    const prune = ['prune', `${host}/m`, '--keep', file('new.tar'), ...plain];
    const plan = JSON.parse(
      (await airgapOk([...prune, '--out', file('list.yaml'), '-o', 'json'], home, { env })).stdout,
    );
    const entries: Entry[] = plan.entries;
    expect(plan.foreign).toEqual([`${host}/m/own/tool`]);
    const reasons = Map.groupBy(entries, ({ reason }) => reason);
    expect([...reasons].map(([reason, list]) => [reason, list.length]).sort()).toEqual([
      ['part', 2],
      ['tag-only', 1],
      // One was pushed just now: a push may be under way.
      ['untagged', 119],
      ['unused', 1],
    ]);
    expect(entries.every(({ pushed }) => pushed !== undefined)).toBe(true);

    // Without the permission nothing happens, and one sentence says so.
    ecr.fault({
      match: 'BatchDeleteImage',
      code: 'AccessDeniedException',
      message: 'not authorized to perform: ecr:BatchDeleteImage',
    });
    const before = manifests.size;
    const denied = await airgap(['prune', '--delete', file('list.yaml'), ...plain, '-o', 'json'], home, { env });
    expect([denied.code, manifests.size]).toEqual([1, before]);
    const failure = JSON.parse(denied.stdout);
    expect(failure.errors).toHaveLength(1);
    expect(failure.errors[0].hint).toContain('ecr:BatchDeleteImage');

    const deletion = ['prune', '--delete', file('list.yaml'), ...plain, '--receipt', file('gone.json')];
    await airgapOk(deletion, home, { env });
    const { counts } = JSON.parse(readFileSync(file('gone.json'), 'utf8'));
    expect(counts).toMatchObject({ deleted: entries.length, left: 0, failed: 0 });
    expect(new Set(manifests.keys())).toEqual(new Set([...kept, fresh]));
    expect([...tags.keys()]).toEqual(['2']);
    expect(ecr.requests.some(({ request }) => request.startsWith('DELETE'))).toBe(false);
  } finally {
    proxy.stop();
    await ecr.stop();
  }
});

function isBelow({ manifests }: StoredRepository, top: string, digest: string): boolean {
  const children = manifests.get(top)?.json.manifests ?? [];
  return top === digest || children.some((child) => child.digest === digest);
}
