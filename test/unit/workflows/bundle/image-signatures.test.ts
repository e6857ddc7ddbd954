import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { type Descriptor, MediaType } from '../../../../src/oci/descriptor.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { SIMPLE_SIGNING } from '../../../../src/oci/referrer-signature.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { ReferrerRequests } from '../../../../src/transfer/referrers/requests.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { requireSignatures } from '../../../../src/workflows/bundle/image-signatures.ts';
import { IMAGE_CONFIG, MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { tagOf } from '../../../support/referrers.ts';

const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const theirs = generateKeyPairSync('ed25519');

/** Signs like cosign: a tag, a payload, and the signature in an annotation. */
function signImage(registry: MemoryRegistry, repository: string, { digest }: Descriptor, key: KeyObject): void {
  const critical = { image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' };
  const payload = Buffer.from(JSON.stringify({ critical }));
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key).toString('base64');
  const layer = registry.addBlob(repository, SIMPLE_SIGNING, payload);
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: registry.addBlob(repository, IMAGE_CONFIG, Buffer.from('{}')),
    layers: [{ ...layer, annotations: { 'dev.cosignproject.cosign/signature': signature } }],
  };
  registry.addManifest(repository, manifest, MediaType.ociManifest, tagOf(digest, 'sig'));
}

async function check(registry: MemoryRegistry, names: string[], keys: KeyObject[], platforms: string[] = []) {
  const questions = new ReferrerRequests();
  const steps = { concurrency: 4, emit: ignoreEvents };
  const walker = new Walker(registry, { ...steps, platforms: platforms.map(parsePlatform) });
  await walker.add(references(...names));
  const collector = new ReferrerCollector(registry, walker, steps, questions);
  await collector.collect(walker.graph().roots);
  const graph = walker.graph();
  await requireSignatures({
    ...steps,
    graph,
    isSourceProven: async () => true,
    leftOut: collector.leftOut(),
    source: registry,
    incomplete: questions.incomplete(),
    policy: { rules: [{ images: '*', keys, identities: [] }] },
  });
}

function multi(registry: MemoryRegistry) {
  const amd = registry.addImage('quay.io/m', undefined, [noise('amd', 50)]);
  const arm = registry.addImage('quay.io/m', undefined, [noise('arm', 50)], 'linux/arm64');
  const index = registry.addIndex('quay.io/m', '1', [
    { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
  ]);
  return { amd, arm, index };
}

describe('required signatures', () => {
  it('are missing if the registry does not list referrers, which the error reports', async () => {
    const registry = new MemoryRegistry();
    signImage(registry, 'quay.io/a', registry.addImage('quay.io/a', '1', [noise('a', 50)]), ours.privateKey);
    registry.addImage('quay.io/b', '1', [noise('b', 50)]);
    registry.referrers = async () => {
      throw new AirgapError('registry', 'answers 500');
    };
    await check(registry, ['quay.io/a:1'], [ours.publicKey]);
    await expect(check(registry, ['quay.io/a:1', 'quay.io/b:1'], [ours.publicKey])).rejects.toMatchObject({
      code: 'signature',
      exitCode: 3,
      message: expect.stringMatching(/^quay\.io\/b:1: .*answers 500/),
    });
  });

  it('may be by any of the keys, and every unsigned image is named', async () => {
    const registry = new MemoryRegistry();
    signImage(registry, 'quay.io/a', registry.addImage('quay.io/a', '1', [noise('a', 50)]), ours.privateKey);
    signImage(registry, 'quay.io/b', registry.addImage('quay.io/b', '1', [noise('b', 50)]), theirs.privateKey);
    registry.addImage('quay.io/c', '1', [noise('c', 50)]);
    await check(registry, ['quay.io/a:1', 'quay.io/b:1'], [ours.publicKey, theirs.publicKey]);
    const all = ['quay.io/a:1', 'quay.io/b:1', 'quay.io/c:1'];
    await expect(check(registry, all, [ours.publicKey])).rejects.toMatchObject({
      code: 'several',
      exitCode: 3,
      causes: [
        { code: 'signature', message: expect.stringMatching(/^quay\.io\/b:1: .*\(1\)/) },
        { code: 'signature', message: expect.stringMatching(/^quay\.io\/c:1: [^(]*$/) },
      ],
    });
  });

  it('are not taken from another image', async () => {
    const registry = new MemoryRegistry();
    const signed = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    signImage(registry, 'quay.io/a', signed, ours.privateKey);
    const other = registry.addImage('quay.io/a', '2', [noise('b', 50)]);
    const signature = registry.tags.get(`quay.io/a:${tagOf(signed.digest, 'sig')}`) as never;
    registry.tags.set(`quay.io/a:${tagOf(other.digest, 'sig')}`, signature);
    await expect(check(registry, ['quay.io/a:2'], [ours.publicKey])).rejects.toMatchObject({ code: 'signature' });
  });

  it('may cover the source index, or every image of the platform subset', async () => {
    const whole = new MemoryRegistry();
    signImage(whole, 'quay.io/m', multi(whole).index, ours.privateKey);
    await check(whole, ['quay.io/m:1'], [ours.publicKey], ['linux/arm64']);
    const parts = new MemoryRegistry();
    parts.listsReferrers = true;
    const { index, arm, amd } = multi(parts);
    signImage(parts, 'quay.io/m', index, theirs.privateKey);
    signImage(parts, 'quay.io/m', arm, ours.privateKey);
    await check(parts, ['quay.io/m:1'], [ours.publicKey], ['linux/arm64']);
    const without = check(parts, ['quay.io/m:1'], [ours.publicKey], ['linux/amd64']);
    await expect(without).rejects.toMatchObject({ code: 'signature' });
    // If the whole index is bundled, it must be signed itself.
    signImage(parts, 'quay.io/m', amd, ours.privateKey);
    await expect(check(parts, ['quay.io/m:1'], [ours.publicKey])).rejects.toMatchObject({ code: 'signature' });
  });
});
