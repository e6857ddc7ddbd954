import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { formatExportedInventory } from '../../../../src/inventory/exported-inventory.ts';
import type { LockFile } from '../../../../src/inventory/lock-file.ts';
import { formatMirrorPlan } from '../../../../src/inventory/mirror-plan.ts';
import { parseTarget, type Target } from '../../../../src/naming/naming.ts';
import { encodedOf } from '../../../../src/oci/digest.ts';
import { destinationsFor } from '../../../../src/transfer/destinations.ts';
import { exportInventory } from '../../../../src/workflows/inspect/export-inventory.ts';
import { Kept } from '../../../../src/workflows/prune/kept.ts';
import { type KeepFile, keepFiles } from '../../../../src/workflows/prune/kept-files.ts';
import { destinationOf, withWrittenNames } from '../../../../src/workflows/push/destination.ts';
import { graphOf, registry, write } from '../../../support/bundles.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();
const D = `sha256:${'a'.repeat(64)}` as const;

async function keptBy(file: KeepFile, target: Target): Promise<Kept> {
  const kept = new Kept();
  await keepFiles(kept, [file], target, ignoreEvents);
  return kept;
}

const tagsIn = (kept: Kept, path: string): string[] => [...kept.rootsIn({ registry: 'r.example', path }).tags.keys()];

describe('what a bundle keeps', () => {
  it.each(['host-path', 'path', 'name', 'as-written', 'single-repository', '{host}/x/{name}'])(
    'is what push writes with the naming %s, also by its inventory',
    async (naming) => {
      const source = registry();
      const { digest } = await source.manifest({ registry: 'quay.io', path: 'a' }, '1').then((one) => one.descriptor);
      const names = ['quay.io/a:1', 'docker.io/library/b:2', 'quay.io/multi:3', `quay.io/a@${digest}`];
      const path = join(folder, `${encodeURIComponent(naming)}.tar`);
      await write(path, source, { graph: await graphOf(source, names) });
      const bundle = await openBundle(path);
      const target = parseTarget('r.example/m', naming);
      const named = withWrittenNames(target, [bundle]);
      const pushed = destinationsFor([...bundle.images(), ...bundle.charts()], (one) => destinationOf(named, one));
      const inventory = join(folder, `${encodeURIComponent(naming)}.json`);
      writeFileSync(inventory, formatExportedInventory(await exportInventory(bundle, 4)));
      await bundle.close();
      for (const file of [path, inventory]) {
        const kept = await keptBy({ file }, target);
        for (const { repository, tag, root } of pushed) {
          expect(tagsIn(kept, repository.path)).toContain(tag);
          expect([...kept.rootsIn(repository).digests.keys()]).toContain(root.descriptor.digest);
          expect(kept.paths).toContain(repository.path);
        }
      }
    },
  );
});

describe('what a lock file keeps', () => {
  const lockFile = {
    apiVersion: 'airgap/v1',
    kind: 'LockFile',
    charts: [{ name: 'shop', version: '1.0.0+b', digest: D, profiles: [] }],
    images: [
      { reference: 'quay.io/team/app:1', digest: '', need: 'install', confidence: 'certain', charts: [] },
      { reference: `quay.io/team/app:2@${D}`, digest: D, need: 'install', confidence: 'certain', charts: [] },
      { reference: `quay.io/team/app@${D}`, digest: '', need: 'install', confidence: 'certain', charts: [] },
    ],
    choices: [],
  } as unknown as LockFile;

  it('is each tag, whatever its digest, and tags of digests', async () => {
    const kept = await keptBy({ file: 'airgap.lock', lockFile }, parseTarget('r.example/m', 'host-path'));
    const digestTag = `digest-${encodedOf(D).slice(0, 12)}`;
    expect(tagsIn(kept, 'm/quay.io/team/app').sort()).toEqual(['1', '2', digestTag]);
    expect(tagsIn(kept, 'm/charts/shop')).toEqual(['1.0.0_b']);
    expect([...kept.rootsIn({ registry: 'r.example', path: 'm/quay.io/team/app' }).digests.keys()]).toContain(D);
  });

  it('is not known with a naming that depends on how charts write their images', async () => {
    const target = parseTarget('r.example/m', 'as-written');
    await expect(keptBy({ file: 'airgap.lock', lockFile }, target)).rejects.toMatchObject({ code: 'usage' });
  });
});

it('the plan of a mirror keeps its tags and digests', async () => {
  const file = join(folder, 'tags.json');
  const repository = { registry: 'quay.io', path: 'team/app' };
  writeFileSync(file, formatMirrorPlan([{ repository, lookups: ['v1', D, `v2@${D}`] }]));
  const kept = await keptBy({ file, isMirrorPlan: true }, parseTarget('r.example/m', 'host-path'));
  expect(tagsIn(kept, 'm/quay.io/team/app')).toEqual(expect.arrayContaining(['v1', 'v2']));
  expect([...kept.rootsIn({ registry: 'r.example', path: 'm/quay.io/team/app' }).digests.keys()]).toContain(D);
});

it('a delta keeps what reaches the blobs that it builds on', async () => {
  const source = registry();
  const graph = await graphOf(source, ['quay.io/a:1']);
  const path = join(folder, 'delta.tar');
  await write(path, source, { graph });
  const bundle = await openBundle(path);
  const exported = await exportInventory(bundle, 4);
  await bundle.close();
  const requires = [{ digest: D, size: 1, repositories: ['quay.io/base/image'] }];
  const file = join(folder, 'delta.json');
  writeFileSync(file, formatExportedInventory({ ...exported, lock: { ...exported.lock, since: D, requires } }));
  const kept = await keptBy({ file }, parseTarget('r.example/m', 'host-path'));
  expect([...kept.rootsIn({ registry: 'r.example', path: 'm/quay.io/base/image' }).needed.keys()]).toEqual([D]);
});
