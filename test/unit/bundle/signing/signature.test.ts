import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silent } from '../../../../src/base/events.ts';
import { lockArtifact } from '../../../../src/bundle/metadata.ts';
import { openBundle } from '../../../../src/bundle/read.ts';
import { checkSignature } from '../../../../src/bundle/signing/check-signature.ts';
import { signatureOver } from '../../../../src/bundle/signing/kept-signature.ts';
import { claimOf, readSignatures, signLock } from '../../../../src/bundle/signing/signature.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import type { Lock } from '../../../../src/lock/lock.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { Root } from '../../../../src/oci/graph.ts';
import { fingerprintOf, type SigningKey } from '../../../../src/oci/signing-key.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import type { MemoryRegistry } from '../../transfer/memory.ts';
import { noise } from '../../transfer/memory.ts';
import { chart, graphOf, lockOf, registry, write } from '../bundles.ts';

const ed25519: SigningKey = generateKeyPairSync('ed25519');
const ecdsa: SigningKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function signed(
  path: string,
  source: MemoryRegistry,
  key: SigningKey,
  options: Parameters<typeof write>[2] = {},
) {
  const lock = lockOf(await graphOf(source), [chart]);
  return write(path, source, { lock, signature: await signatureOver(lock, key, path), ...options });
}

const lockDigest = (lock: Lock) => lockArtifact(lock).descriptor.digest;

async function check(path: string, { publicKey }: SigningKey): Promise<{ code?: string; message?: string }> {
  const bundle = await openBundle(path);
  try {
    await checkSignature(bundle, publicKey);
    return {};
  } catch (error) {
    return error as { code: string; message: string };
  } finally {
    await bundle.close();
  }
}

describe('a signed bundle', () => {
  it('is known by the key that signed it, says which, and is whole', async () => {
    const path = join(scratchFolder(), 'b');
    for (const key of [ed25519, ecdsa]) {
      await signed(path, registry(), key, { force: true });
      expect(await check(path, key)).toEqual({});
      const bundle = await openBundle(path);
      const [signature] = await readSignatures(bundle);
      expect(signature && claimOf(signature)).toEqual({
        digest: bundle.lockDigest,
        fingerprint: fingerprintOf(key.publicKey),
      });
      expect(bundle.images()).toHaveLength(3);
      expect(bundle.unnamed()).toEqual([]);
      expect(await verifyBundle(bundle, { emit: silent })).toEqual([]);
      await bundle.close();
    }
  });

  it('stores its signature where cosign looks for it: a tag beside the lock, and a kind in the layout', async () => {
    const path = join(scratchFolder(), 'b');
    await signed(path, registry(), ed25519);
    const bundle = await openBundle(path);
    const lock = bundle.lockDigest as string;
    const { bytes } = await bundle.manifest({ registry: '', path: '' }, bundle.signature?.digest as string);
    await bundle.close();
    const [layer] = JSON.parse(Buffer.from(bytes).toString()).layers;
    expect(layer.mediaType).toBe('application/vnd.dev.cosign.simplesigning.v1+json');
    expect(Object.keys(layer.annotations)).toEqual(['dev.cosignproject.cosign/signature']);
    const text = await readFile(path, 'latin1');
    expect(text).toContain(`"airgap/lock:${lock.replace(':', '-')}.sig","kind":"dev.cosignproject.cosign/sigs"`);
    expect(text).toContain('"airgap/lock:v1","kind":"dev.cosignproject.cosign/image"');
  });

  it('is up to date when it is written again with the same key, whole or in parts', async () => {
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

  it('is continued after an interruption, though an ECDSA signature is never the same twice', async () => {
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
  it('refuses a bundle that is not signed, or by another key', async () => {
    const path = join(scratchFolder(), 'b');
    await write(path, registry());
    expect(await check(path, ed25519)).toMatchObject({
      code: 'signature',
      exitCode: 3,
      message: `${path} is not signed`,
    });
    await signed(path, registry(), ecdsa, { force: true });
    const { code, message } = await check(path, ed25519);
    expect(code).toBe('signature');
    expect(message).toContain(`no signature by the key ${fingerprintOf(ed25519.publicKey)}`);
    expect(message).toContain(fingerprintOf(ecdsa.publicKey));
  });

  it('refuses a signature over another lock', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source);
    await write(path, source, { signature: signLock(lockDigest(lockOf(graph, [])), ed25519) });
    const { code, message } = await check(path, ed25519);
    expect([code, message]).toEqual(['signature', expect.stringContaining('over another lock')]);
  });

  it('refuses what the signed lock does not name, and misses what it does', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const all = await graphOf(source);
    const some = await graphOf(source, ['quay.io/a:1']);
    const options = { force: true, charts: [] };
    for (const [inIndex, inLock, why] of [
      [all, some, 'the index lists docker.io/library/b:2, and the lock does not'],
      [some, all, 'the lock lists docker.io/library/b:2, and the index does not'],
    ] as const) {
      const lock = lockOf(inLock, []);
      await write(path, source, {
        ...options,
        graph: inIndex,
        lock,
        signature: await signatureOver(lock, ed25519, path),
      });
      const { code, message } = await check(path, ed25519);
      expect([code, message]).toEqual(['signature', `${path} is not what was signed: ${why}`]);
    }
  });

  it('refuses a signature or the like beside an image that the signed lock does not name', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const graph = await graphOf(source);
    const [first, second] = graph.roots as [Root, Root];
    const belongs = { subject: first.descriptor.digest, descriptor: second.descriptor, artifactType: 'x/y' };
    const referrers = [{ repository: first.reference, ...belongs }];
    const lock = lockOf(graph, [chart]);
    await write(path, source, { graph: { ...graph, referrers }, lock, signature: signLock(lockDigest(lock), ed25519) });
    const { code, message } = await check(path, ed25519);
    expect([code, message]).toEqual(['signature', expect.stringMatching(/the index lists sha256:\w+ \(x\/y\) for /)]);
  });

  it('is signed anew where a pipe has the name of the file that grows', async () => {
    const path = join(scratchFolder(), 'b');
    execFileSync('mkfifo', [`${path}.partial`]);
    const lock = lockOf(await graphOf(registry()), [chart]);
    expect(await signatureOver(lock, ed25519, path)).toBeDefined();
  });

  it('refuses a signature that is damaged', async () => {
    const path = join(scratchFolder(), 'b');
    await signed(path, registry(), ed25519);
    const text = await readFile(path, 'latin1');
    await writeFile(path, text.replace(/cosign\/signature":"./, 'cosign/signature":"#'), 'latin1');
    const { code, message } = await check(path, ed25519);
    expect([code, message]).toEqual(['signature', expect.stringContaining('a signature that cannot be read')]);
  });

  it('refuses an index that was changed: a name, a type, or a name taken away', async () => {
    const path = join(scratchFolder(), 'b');
    await signed(path, registry(), ed25519);
    const text = await readFile(path, 'latin1');
    const bundle = await openBundle(path);
    const { descriptor } = bundle.images().find(({ reference }) => reference.path === 'a') as Root;
    await bundle.close();
    const name = '"org.opencontainers.image.ref.name":"quay.io/a:1","io.containerd.image.name":"quay.io/a:1"';
    const type = `"mediaType":"${descriptor.mediaType}","digest":"${descriptor.digest}"`;
    for (const [from, to, why] of [
      [name, name.replaceAll('a:1', 'c:1'), 'the lock lists quay.io/a:1, and the index does not'],
      [name, name.replaceAll('name"', 'nome"'), 'the lock lists quay.io/a:1, and the index does not'],
      [type, type.replace('json"', 'jsox"'), 'quay.io/a:1 has another media type in the index'],
    ] as const) {
      const changed = text.replace(from, to);
      expect(changed).not.toBe(text);
      await writeFile(path, changed, 'latin1');
      const { code, message } = await check(path, ed25519);
      expect([code, message]).toEqual(['signature', expect.stringContaining(why)]);
    }
  });
});
