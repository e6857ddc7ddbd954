import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openCheckedBundle } from '../../../../src/bundle/open.ts';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import { type Descriptor, MediaType } from '../../../../src/oci/descriptor.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { SIMPLE_SIGNING } from '../../../../src/oci/referrer-signature.ts';
import { fingerprintOf } from '../../../../src/oci/signing-key.ts';
import { ReferrerRequests } from '../../../../src/transfer/referrers/requests.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { subsetEvidence } from '../../../../src/workflows/bundle/subset-evidence.ts';
import { verify } from '../../../../src/workflows/verify/verify.ts';
import { type ImageSignatures, verifySignatures } from '../../../../src/workflows/verify/verify-signatures.ts';
import { inventoryOf, write } from '../../../support/bundles.ts';
import { IMAGE_CONFIG, MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { tagOf } from '../../../support/referrers.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const context = { env: {}, cwd: '/', emit: ignoreEvents };
const NAME = 'quay.io/m:1';

/** Signs like cosign: a tag, a payload, and the signature in an annotation. */
function signImage(registry: MemoryRegistry, { digest }: Descriptor, key: KeyObject): Descriptor {
  const critical = { image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' };
  const payload = Buffer.from(JSON.stringify({ critical }));
  const signature = sign('sha256', payload, key).toString('base64');
  const layer = registry.addBlob('quay.io/m', SIMPLE_SIGNING, payload);
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: registry.addBlob('quay.io/m', IMAGE_CONFIG, Buffer.from('{}')),
    layers: [{ ...layer, annotations: { 'dev.cosignproject.cosign/signature': signature } }],
  };
  return registry.addManifest('quay.io/m', manifest, MediaType.ociManifest, tagOf(digest, 'sig'));
}

function indexOf(registry: MemoryRegistry, seed: string, tag?: string) {
  const amd = registry.addImage('quay.io/m', undefined, [noise(`${seed} amd`, 50)]);
  const arm = registry.addImage('quay.io/m', undefined, [noise(`${seed} arm`, 50)], 'linux/arm64');
  const children = [
    { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
  ];
  return { amd, arm, index: registry.addIndex('quay.io/m', tag, children) };
}

/** Writes a bundle of the image for one platform, with signatures of these digests. */
async function bundled(
  registry: MemoryRegistry,
  signed: readonly Descriptor[],
  change: (graph: Graph, lock: Inventory) => Inventory = (_, lock) => lock,
  evidenceFor?: (graph: Graph) => Graph,
): Promise<string> {
  const walker = new Walker(registry, {
    platforms: [parsePlatform('linux/arm64')],
    concurrency: 4,
  });
  await walker.add(references(NAME));
  const referrers = signed.map((image) => ({
    repository: { registry: 'quay.io', path: 'm' },
    subject: image.digest,
    descriptor: signImage(registry, image, ours.privateKey),
    artifactType: IMAGE_CONFIG,
    tag: tagOf(image.digest, 'sig'),
  }));
  const { failures } = evidenceFor === undefined ? await walker.attach(referrers) : { failures: [] };
  expect(failures).toEqual([]);
  const graph = walker.graph();
  const lock = change(graph, inventoryOf(graph, []));
  const listed = referrers.map(({ subject, descriptor: { digest }, artifactType, tag }) => ({
    subject,
    digest,
    artifactType,
    tag,
    ...(evidenceFor && { leftOut: true as const }),
  }));
  const questions = new ReferrerRequests();
  const steps = { leftOut: referrers, source: registry, requests: questions, concurrency: 4, emit: ignoreEvents };
  const evidence = evidenceFor === undefined ? [] : await subsetEvidence({ ...steps, graph: evidenceFor(graph) });
  const images = lock.images.map((image) => ({ ...image, referrers: listed }));
  const path = join(scratchFolder(), 'b.tar');
  await write(path, registry, { graph, charts: [], inventory: { ...lock, images }, evidence });
  // Consistent in itself, whatever else is wrong with it.
  await (await openCheckedBundle(path)).close();
  return path;
}

const check = (path: string): Promise<readonly ImageSignatures[]> =>
  verifySignatures(context, path, 4, { rules: [{ images: '*', keys: [ours.publicKey], identities: [] }] });

describe('an image reduced to some platforms', () => {
  it('is not signed by the signature of an index that only the inventory names as its source', async () => {
    const registry = new MemoryRegistry();
    const good = indexOf(registry, 'good');
    indexOf(registry, 'evil', '1');
    const path = await bundled(registry, [good.index], (_, lock) => ({
      ...lock,
      images: lock.images.map((image) => ({ ...image, sourceDigest: good.index.digest })),
    }));
    await expect(check(path)).rejects.toMatchObject({ code: 'signature', exitCode: 3 });
  });

  it('is not signed by the signature of its source index without evidence', async () => {
    const registry = new MemoryRegistry();
    const { index } = indexOf(registry, 'good', '1');
    const path = await bundled(registry, [index]);
    await expect(check(path)).rejects.toMatchObject({
      code: 'signature',
      message: expect.not.stringContaining(index.digest),
      hint: expect.stringContaining(index.digest),
    });
  });

  it('is signed by the signature of its source index with evidence', async () => {
    const registry = new MemoryRegistry();
    const { index } = indexOf(registry, 'good', '1');
    const path = await bundled(registry, [index], undefined, (graph) => graph);
    const [{ image, signatures } = {}] = await check(path);
    expect(image).toBe(NAME);
    expect(signatures).toMatchObject([{ digest: index.digest, key: fingerprintOf(ours.publicKey) }]);
    expect(await verify(context, path, 1)).toMatchObject({ problems: [] });
    const bundle = await openCheckedBundle(path);
    expect(bundle.images().map(({ descriptor }) => descriptor.digest)).not.toContain(index.digest);
    expect(bundle.referrers()).toEqual([]);
    await bundle.close();
  });

  it('is signed with evidence for a reduced nested index', async () => {
    const registry = new MemoryRegistry();
    const inner = indexOf(registry, 'inner').index;
    const other = registry.addImage('quay.io/m', undefined, [noise('other', 50)]);
    const amd = { ...other, platform: { os: 'linux', architecture: 'amd64' } };
    const extra = { annotations: { 'org.example': 'x' } };
    const outer = registry.addIndex('quay.io/m', '1', [amd, { ...inner, annotations: { a: 'b' } }, inner], extra);
    await check(await bundled(registry, [outer], undefined, (graph) => graph));
    // Without the nested index, the source of the reduced one cannot be proved.
    const withoutInner = (graph: Graph): Graph => ({
      ...graph,
      roots: graph.roots.map((root) => ({ ...root, sources: (root.sources ?? []).slice(-1) })),
    });
    const path = await bundled(registry, [outer], undefined, withoutInner);
    await expect(check(path)).rejects.toMatchObject({ code: 'signature' });
  });

  it('is not signed by the signature of another index in the evidence', async () => {
    const registry = new MemoryRegistry();
    const good = indexOf(registry, 'good');
    const evil = indexOf(registry, 'evil');
    const manifest = registry.manifests.get(`quay.io/m@${good.index.digest}`);
    const made = (graph: Graph): Graph => ({
      ...graph,
      roots: graph.roots.map((root) => ({
        ...root,
        sourceDigest: good.index.digest,
        sources: [manifest?.bytes as Uint8Array],
      })),
    });
    const said = (_: Graph, lock: Inventory): Inventory => ({
      ...lock,
      images: lock.images.map((image) => ({ ...image, sourceDigest: good.index.digest })),
    });
    const arm64 = { os: 'linux', architecture: 'arm64' };
    const lists = [
      [{ ...evil.arm, platform: arm64 }],
      [
        { ...good.arm, platform: arm64 },
        { ...evil.arm, platform: arm64 },
      ],
      // Another platform's image of the signed index.
      [{ ...good.amd, platform: arm64 }],
      [{ ...good.arm, platform: arm64, annotations: { more: 'x' } }],
    ];
    for (const [at, list] of lists.entries()) {
      registry.addIndex('quay.io/m', '1', list);
      const path = await bundled(registry, [good.index], said, made);
      await expect(check(path), String(at)).rejects.toMatchObject({ code: 'signature', exitCode: 3 });
    }
    registry.addIndex('quay.io/m', '1', [{ ...good.arm, platform: arm64 }]);
    await check(await bundled(registry, [good.index], said, made));
  });

  it('is signed if each of its images is signed', async () => {
    const registry = new MemoryRegistry();
    const { arm } = indexOf(registry, 'good', '1');
    const [{ signatures } = {}] = await check(await bundled(registry, [arm]));
    expect(signatures).toMatchObject([{ digest: arm.digest, form: 'tag', key: fingerprintOf(ours.publicKey) }]);
    const other = new MemoryRegistry();
    await expect(check(await bundled(other, [indexOf(other, 'good', '1').amd]))).rejects.toMatchObject({
      code: 'signature',
    });
  });

  it('is not signed if an image poses as an index', async () => {
    const registry = new MemoryRegistry();
    const { arm } = indexOf(registry, 'good');
    const evil = registry.addImage('quay.io/m', undefined, [noise('evil', 50)], 'linux/arm64');
    const platform = { os: 'linux', architecture: 'arm64' };
    const disguised = { ...evil, mediaType: MediaType.ociIndex, platform };
    const amd = { ...evil, platform: { os: 'linux', architecture: 'amd64' } };
    registry.addIndex('quay.io/m', '1', [{ ...arm, platform }, disguised, amd]);
    await expect(check(await bundled(registry, [arm]))).rejects.toMatchObject({ code: 'signature' });
  });
});
