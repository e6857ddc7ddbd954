import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { inventoryArtifact } from '../../../../src/bundle/format/metadata.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { checkSignatures } from '../../../../src/bundle/signing/check-signature.ts';
import {
  claimOf,
  readSignatures,
  reuseOrSignInventory,
  signInventory,
} from '../../../../src/bundle/signing/signature.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { Root } from '../../../../src/oci/graph.ts';
import { fingerprintOf, type SigningKey } from '../../../../src/oci/signing-key.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import type { MemoryRegistry } from '../../../support/memory-registry.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const ed25519: SigningKey = generateKeyPairSync('ed25519');
const ecdsa: SigningKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function signed(
  path: string,
  source: MemoryRegistry,
  key: SigningKey,
  options: Parameters<typeof write>[2] = {},
) {
  const inventory = inventoryOf(await graphOf(source), [chart]);
  return write(path, source, { inventory, signatures: await reuseOrSignInventory(inventory, key, path), ...options });
}

const inventoryDigest = (inventory: Inventory) => inventoryArtifact(inventory).descriptor.digest;

async function check(path: string, { publicKey }: SigningKey): Promise<{ code?: string; message?: string }> {
  const bundle = await openBundle(path);
  try {
    await checkSignatures(bundle, [{ name: 'key.pub', publicKey }]);
    return {};
  } catch (error) {
    return error as { code: string; message: string };
  } finally {
    await bundle.close();
  }
}

describe('a signed bundle', () => {
  it('is verified by its key, names that key, and is complete', async () => {
    const path = join(scratchFolder(), 'b');
    for (const key of [ed25519, ecdsa]) {
      await signed(path, registry(), key, { force: true });
      expect(await check(path, key)).toEqual({});
      const bundle = await openBundle(path);
      // The second key signs beside the first one.
      expect((await readSignatures(bundle)).map(claimOf)).toContainEqual({
        digest: bundle.inventoryDigest,
        fingerprint: fingerprintOf(key.publicKey),
      });
      expect(bundle.images()).toHaveLength(3);
      expect(bundle.unnamed()).toEqual([]);
      expect(await verifyBundle(bundle, { emit: ignoreEvents })).toEqual([]);
      await bundle.close();
    }
  });

  it('stores its signature where cosign looks for it: under a tag, with a kind annotation', async () => {
    const path = join(scratchFolder(), 'b');
    await signed(path, registry(), ed25519);
    const bundle = await openBundle(path);
    const inventory = bundle.inventoryDigest as string;
    const { bytes } = await bundle.manifest({ registry: '', path: '' }, bundle.signature?.digest as string);
    await bundle.close();
    const [layer] = JSON.parse(Buffer.from(bytes).toString()).layers;
    expect(layer.mediaType).toBe('application/vnd.dev.cosign.simplesigning.v1+json');
    expect(Object.keys(layer.annotations)).toEqual(['dev.cosignproject.cosign/signature']);
    const text = await readFile(path, 'latin1');
    expect(text).toContain(`"airgap/lock:${inventory.replace(':', '-')}.sig","kind":"dev.cosignproject.cosign/sigs"`);
    expect(text).toContain('"airgap/lock:v1","kind":"dev.cosignproject.cosign/image"');
  });

  it('is up to date when written again with the same key, as one file or in parts', async () => {
    const dir = scratchFolder();
    const source = registry();
    for (const [name, key, options] of [
      ['a', ed25519, {}],
      ['b', ecdsa, {}],
      ['c', ecdsa, { splitSize: 16_000 }],
    ] as const) {
      await signed(join(dir, name), source, key, options);
      expect(await signed(join(dir, name), source, key, options)).toMatchObject({ status: 'up-to-date' });
      expect(await check(join(dir, name), key)).toEqual({});
    }
    await expect(signed(join(dir, 'a'), source, ecdsa)).rejects.toMatchObject({ code: 'output-exists' });
  });

  it('is resumed after an interruption, although ECDSA signatures differ each time', async () => {
    const dir = scratchFolder();
    const source = registry();
    for (const options of [{}, { splitSize: 16_000 }]) {
      const path = join(dir, `b${Object.keys(options).length}`);
      const stop = new AbortController();
      source.onChunk = (digest, offset) => {
        if (digest === digestOf(noise('base', 30_000)) && offset >= 20_000) stop.abort();
      };
      const first = signed(path, source, ecdsa, { ...options, concurrency: 1, signal: stop.signal });
      await expect(first).rejects.toMatchObject({ code: 'interrupted' });
      source.onChunk = () => {};
      expect((await signed(path, source, ecdsa, options)).resumed).toBeGreaterThan(15_000);
      expect(await check(path, ecdsa)).toEqual({});
    }
  });
});

describe('checkSignature', () => {
  it('refuses an unsigned bundle and one signed by another key', async () => {
    const path = join(scratchFolder(), 'b');
    await write(path, registry());
    expect(await check(path, ed25519)).toMatchObject({
      code: 'signature',
      exitCode: 3,
      message: expect.stringContaining(path),
    });
    await signed(path, registry(), ecdsa, { force: true });
    const { code, message } = await check(path, ed25519);
    expect(code).toBe('signature');
    expect(message).toContain(fingerprintOf(ed25519.publicKey));
    expect(message).toContain(fingerprintOf(ecdsa.publicKey));
  });

  it('refuses a signature over another inventory', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source);
    await write(path, source, { signatures: [signInventory(inventoryDigest(inventoryOf(graph, [])), ed25519)] });
    const { code, message } = await check(path, ed25519);
    expect(code).toBe('signature');
    expect(message).toMatch(/another inventory/);
  });

  it('refuses images that only the index or only the inventory lists', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const all = await graphOf(source);
    const some = await graphOf(source, ['quay.io/a:1']);
    const options = { force: true, charts: [] };
    for (const [inIndex, inInventory] of [
      [all, some],
      [some, all],
    ] as const) {
      const inventory = inventoryOf(inInventory, []);
      await write(path, source, {
        ...options,
        graph: inIndex,
        inventory,
        signatures: await reuseOrSignInventory(inventory, ed25519, path),
      });
      const { code, message } = await check(path, ed25519);
      expect([code, message]).toEqual(['signature', expect.stringContaining('docker.io/library/b:2')]);
    }
  });

  it('refuses a referrer that the signed inventory does not list', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source);
    const [first, second] = graph.roots as [Root, Root];
    const referrer = { subject: first.descriptor.digest, descriptor: second.descriptor, artifactType: 'x/y' };
    const referrers = [{ repository: first.reference, ...referrer }];
    const inventory = inventoryOf(graph, [chart]);
    await write(path, source, {
      graph: { ...graph, referrers },
      inventory,
      signatures: [signInventory(inventoryDigest(inventory), ed25519)],
    });
    const { code, message } = await check(path, ed25519);
    expect([code, message]).toEqual(['signature', expect.stringMatching(/sha256:\w+ \(x\/y\)/)]);
  });

  it('signs again if the partial file is a pipe', async () => {
    const path = join(scratchFolder(), 'b');
    execFileSync('mkfifo', [`${path}.partial`]);
    const inventory = inventoryOf(await graphOf(registry()), [chart]);
    expect(await reuseOrSignInventory(inventory, ed25519, path)).toBeDefined();
  });

  it('refuses a damaged signature', async () => {
    const path = join(scratchFolder(), 'b');
    await signed(path, registry(), ed25519);
    const text = await readFile(path, 'latin1');
    await writeFile(path, text.replace(/cosign\/signature":"./, 'cosign/signature":"#'), 'latin1');
    const { code, message } = await check(path, ed25519);
    expect([code, message]).toEqual(['signature', expect.stringContaining(path)]);
  });

  it('refuses an index with a changed name, media type or annotation', async () => {
    const path = join(scratchFolder(), 'b');
    await signed(path, registry(), ed25519);
    const text = await readFile(path, 'latin1');
    const bundle = await openBundle(path);
    const { descriptor } = bundle.images().find(({ reference }) => reference.path === 'a') as Root;
    await bundle.close();
    const name = '"org.opencontainers.image.ref.name":"quay.io/a:1","io.containerd.image.name":"quay.io/a:1"';
    const type = `"mediaType":"${descriptor.mediaType}","digest":"${descriptor.digest}"`;
    for (const [from, to] of [
      [name, name.replaceAll('a:1', 'c:1')],
      [name, name.replaceAll('name"', 'nome"')],
      [type, type.replace('json"', 'jsox"')],
    ] as const) {
      const changed = text.replace(from, to);
      expect(changed).not.toBe(text);
      await writeFile(path, changed, 'latin1');
      const { code, message } = await check(path, ed25519);
      expect([code, message]).toEqual(['signature', expect.stringContaining('quay.io/a:1')]);
    }
  });
});
