import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { reuseOrSignInventory } from '../../../../src/bundle/signing/signature.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { SIMPLE_SIGNING } from '../../../../src/oci/referrer-signature.ts';
import { parseTrustedRoot } from '../../../../src/sigstore/trusted-root.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import type { SignaturePolicy } from '../../../../src/workflows/bundle/signature-policy.ts';
import { verifySignatures } from '../../../../src/workflows/verify/verify-signatures.ts';
import { inventoryOf, write } from '../../../support/bundles.ts';
import { IMAGE_CONFIG, MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { tagOf } from '../../../support/referrers.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { IDENTITY, ISSUER, type Sigstore, startSigstore } from '../../../support/sigstore.ts';

const context = { env: {}, cwd: '/', emit: ignoreEvents };
const key = generateKeyPairSync('ed25519');
const signer = { name: 'key.pub', publicKey: key.publicKey };
const policy: SignaturePolicy = {
  rules: [{ images: '*', keys: [], identities: [{ identity: { exact: IDENTITY }, issuer: { exact: ISSUER } }] }],
};

let sigstore: Sigstore;
let evil: Sigstore;
beforeAll(async () => {
  [sigstore, evil] = [await startSigstore(), await startSigstore()];
});

/** Writes a bundle with one signed image. @param carried trusted root in it, and what the inventory says that it is */
async function bundled(by: Sigstore, carried?: string, named = carried): Promise<string> {
  const registry = new MemoryRegistry();
  const image = registry.addImage('quay.io/m', '1', [noise('m', 50)]);
  const { payload, annotations } = await by.sign(image.digest);
  const layer = { ...registry.addBlob('quay.io/m', SIMPLE_SIGNING, payload), annotations };
  const config = registry.addBlob('quay.io/m', IMAGE_CONFIG, Buffer.from('{}'));
  const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [layer] };
  const tag = tagOf(image.digest, 'sig');
  const descriptor = registry.addManifest('quay.io/m', manifest, MediaType.ociManifest, tag);
  const walker = new Walker(registry, { platforms: [], concurrency: 4 });
  await walker.add(references('quay.io/m:1'));
  const repository = { registry: 'quay.io', path: 'm' };
  await walker.attach([{ repository, subject: image.digest, descriptor, artifactType: IMAGE_CONFIG, tag }]);
  const graph = walker.graph();
  const referrers = [{ subject: image.digest, digest: descriptor.digest, artifactType: IMAGE_CONFIG, tag }];
  const lock = inventoryOf(graph, []);
  const inventory = {
    ...lock,
    images: lock.images.map((entry) => ({ ...entry, referrers })),
    ...(named !== undefined && { trustedRoot: digestOf(Buffer.from(named)) }),
  };
  const evidence = carried === undefined ? [] : [Buffer.from(carried)];
  const path = join(scratchFolder(), 'b.tar');
  const signatures = await reuseOrSignInventory(inventory, key, path, evidence);
  await write(path, registry, { graph, charts: [], inventory, evidence, signatures });
  return path;
}

describe('the trusted root in a bundle', () => {
  it('is used if the signature of the bundle was verified', async () => {
    const path = await bundled(sigstore, sigstore.root);
    const [{ signatures } = {}] = await verifySignatures(context, path, 4, policy, [signer]);
    expect(signatures).toMatchObject([{ identity: IDENTITY, issuer: ISSUER, time: 'log' }]);
    const bundle = await openBundle(path);
    expect(bundle.inventory()?.trustedRoot).toBe(digestOf(Buffer.from(sigstore.root)));
    await bundle.close();
  });

  it('is not used without the signature of the bundle, nor in place of the root that was given', async () => {
    const path = await bundled(evil, evil.root);
    await expect(verifySignatures(context, path, 4, policy)).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    const trustedRoot = parseTrustedRoot(Buffer.from(sigstore.root), 'root.json');
    for (const signers of [[], [signer]]) {
      await expect(verifySignatures(context, path, 4, { ...policy, trustedRoot }, signers)).rejects.toMatchObject({
        code: 'signature',
        exitCode: 3,
      });
    }
    const other = { name: 'other.pub', publicKey: generateKeyPairSync('ed25519').publicKey };
    await expect(verifySignatures(context, path, 4, policy, [other])).rejects.toMatchObject({ code: 'signature' });
  });

  it('may be missing, not be where the inventory says, or be no trusted root', async () => {
    const paths = [
      await bundled(sigstore),
      await bundled(sigstore, undefined, sigstore.root),
      await bundled(sigstore, evil.root, sigstore.root),
      await bundled(sigstore, '{}'),
    ];
    for (const path of paths) {
      await expect(verifySignatures(context, path, 4, policy, [signer])).rejects.toMatchObject({ code: 'usage' });
    }
  });

  it('is not needed for keys', async () => {
    const path = await bundled(sigstore);
    const byKey = { rules: [{ images: '*', keys: [key.publicKey], identities: [] }] };
    await expect(verifySignatures(context, path, 4, byKey, [])).rejects.toMatchObject({ code: 'signature' });
  });
});
