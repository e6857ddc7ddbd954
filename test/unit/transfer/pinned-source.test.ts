import { expect, it } from 'vitest';
import type { RegistrySource } from '../../../src/oci/content.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Repository } from '../../../src/oci/reference.ts';
import { pinnedSource } from '../../../src/transfer/pinned-source.ts';
import { MemoryRegistry, noise } from '../../support/memory-registry.ts';

const repository = { registry: 'quay.io', path: 'a/b' };

/** Returns a registry whose tag `1` has moved since its digest was pinned. */
function movedTag(): { source: RegistrySource; pins: Map<string, Digest>; was: Descriptor; is: Descriptor } {
  const registry = new MemoryRegistry();
  const was = registry.addImage('quay.io/a/b', '1', [noise('old', 10)]);
  const is = registry.addImage('quay.io/a/b', '1', [noise('new', 10)]);
  const head = async (position: Repository, name: string): Promise<Descriptor> =>
    (await registry.manifest(position, name)).descriptor;
  const source = {
    manifest: registry.manifest.bind(registry),
    blob: registry.blob.bind(registry),
    referrers: registry.referrers.bind(registry),
    head,
  };
  return { source, pins: new Map([['quay.io/a/b:1', was.digest]]), was, is };
}

it('resolves a pinned tag to its pinned digest, and other tags to their current one', async () => {
  const { source, pins, was, is } = movedTag();
  const requests = pinnedSource(source, pins);
  expect((await requests.manifest(repository, '1')).descriptor.digest).toBe(was.digest);
  expect((await requests.head(repository, '1'))?.digest).toBe(was.digest);
  expect((await requests.manifest(repository, is.digest)).descriptor.digest).toBe(is.digest);
  expect((await pinnedSource(source, new Map()).manifest(repository, '1')).descriptor.digest).toBe(is.digest);
});

it('does not pin the same tag of another repository', async () => {
  const { source, pins } = movedTag();
  await expect(pinnedSource(source, pins).manifest({ registry: 'quay.io', path: 'a/c' }, '1')).rejects.toMatchObject({
    code: 'image-not-found',
    message: expect.not.stringContaining('locked'),
  });
});

it('names the locked digest if it is missing, and passes on other errors', async () => {
  const { source } = movedTag();
  const missing: Digest = `sha256:${'0'.repeat(64)}`;
  await expect(
    pinnedSource(source, new Map([['quay.io/a/b:1', missing]])).manifest(repository, '1'),
  ).rejects.toMatchObject({
    code: 'image-not-found',
    message: expect.stringMatching(new RegExp(`quay\\.io/a/b:1 .*${missing}`)),
    hint: expect.stringContaining('--lock'),
  });
  const broken = { ...source, manifest: () => Promise.reject(new Error('no route')) };
  await expect(pinnedSource(broken, new Map([['quay.io/a/b:1', missing]])).manifest(repository, '1')).rejects.toThrow(
    'no route',
  );
});
