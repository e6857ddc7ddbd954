import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { selfSigned } from '../../support/certificate.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { clientFor } from '../../support/registry-client.ts';
import { scratchFolder } from '../../support/scratch.ts';

let registry: TestRegistry;
let client: RegistryClient;
beforeAll(async () => {
  registry = await startRegistry();
  client = clientFor([registry.host]);
});
afterAll(async () => {
  await client.close();
  await registry.stop();
});

const large = randomBytes(5_000_000);
const small = Buffer.from('{}');
const body = (bytes: Buffer) => ({
  size: bytes.length,
  open: async (offset = 0) => Readable.from([bytes.subarray(offset)]),
});

function manifest(...layers: Buffer[]): { descriptor: ReturnType<typeof descriptorOf>; bytes: Buffer } {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: descriptorOf(small, MediaType.empty),
      layers: layers.map((layer) => descriptorOf(layer)),
    }),
  );
  return { bytes, descriptor: descriptorOf(bytes, MediaType.ociManifest) };
}

describe('a real registry', () => {
  it('returns what was stored, by tag and by digest', async () => {
    const repository = { registry: registry.host, path: 'trip/one' };
    for (const bytes of [small, large]) {
      const descriptor = descriptorOf(bytes);
      expect(await client.hasBlob(repository, descriptor)).toBe(false);
      expect(await client.putBlob(repository, descriptor, body(bytes))).toBe('stored');
      expect(await client.hasBlob(repository, descriptor)).toBe(true);
    }
    const content = manifest(large);
    expect(await client.hasManifest(repository, 'v1')).toBeUndefined();
    expect(await client.head(repository, 'v1')).toBeUndefined();
    await client.putManifest(repository, content);
    await client.putManifest(repository, content, 'v1');
    expect(await client.hasManifest(repository, 'v1')).toBe(content.descriptor.digest);
    expect(await client.head(repository, 'v1')).toEqual(content.descriptor);
    expect(await client.manifest(repository, 'v1')).toEqual({ ...content, bytes: expect.anything() });
    const byDigest = await client.manifest(repository, content.descriptor.digest);
    expect(digestOf(byDigest.bytes)).toBe(content.descriptor.digest);
    const received = await buffer(await client.blob(repository, descriptorOf(large)).open());
    expect(createHash('sha256').update(received).digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
  });

  it('resumes a blob at an offset', async () => {
    const repository = { registry: registry.host, path: 'trip/range' };
    const descriptor = descriptorOf(large);
    await client.putBlob(repository, descriptor, body(large));
    const blob = client.blob(repository, descriptor);
    expect(await buffer(await blob.open(4_999_990))).toEqual(large.subarray(4_999_990));
    expect(await buffer(await blob.open(large.length))).toEqual(Buffer.alloc(0));
  });

  it('mounts a blob from another repository', async () => {
    const from = { registry: registry.host, path: 'trip/from' };
    const descriptor = descriptorOf(large);
    await client.putBlob(from, descriptor, body(large));
    const unread = { size: large.length, open: () => Promise.reject(new Error('not to be read')) };
    const to = { registry: registry.host, path: 'trip/to' };
    expect(await client.putBlob(to, descriptor, unread, { mountFrom: from })).toBe('mounted');
    expect(await client.hasBlob(to, descriptor)).toBe(true);
  });

  it('reports a blob as present by a mount from its own repository, and stores it when it is missing', async () => {
    const repository = { registry: registry.host, path: 'trip/own' };
    const descriptor = descriptorOf(large);
    const options = { mountFrom: repository };
    expect(await client.putBlob(repository, descriptor, body(large), options)).toBe('stored');
    const unread = { size: large.length, open: () => Promise.reject(new Error('not to be read')) };
    expect(await client.putBlob(repository, descriptor, unread, options)).toBe('present');
  });

  it('stores an empty blob', async () => {
    const repository = { registry: registry.host, path: 'trip/empty' };
    const nothing = Buffer.alloc(0);
    expect(await client.putBlob(repository, descriptorOf(nothing), body(nothing))).toBe('stored');
    expect(await buffer(await client.blob(repository, descriptorOf(nothing)).open())).toEqual(nothing);
  });

  it('never receives the end of a damaged body', async () => {
    const repository = { registry: registry.host, path: 'trip/wrong' };
    const descriptor = descriptorOf(large);
    const damaged = Buffer.from(large);
    damaged[4_000_000] = (damaged[4_000_000] ?? 0) ^ 1;
    for (const bytes of [damaged, large.subarray(0, 100), Buffer.concat([large, small])]) {
      const put = client.putBlob(repository, descriptor, body(bytes));
      await expect(put).rejects.toMatchObject({ code: 'digest-mismatch' });
    }
    expect(await client.hasBlob(repository, descriptor)).toBe(false);
  });

  it('reports missing content', async () => {
    const repository = { registry: registry.host, path: 'trip/nothing' };
    await expect(client.manifest(repository, 'v1')).rejects.toMatchObject({
      code: 'image-not-found',
      message: expect.stringContaining(`${registry.host}/trip/nothing:v1: `),
    });
    await expect(client.blob(repository, descriptorOf(large)).open()).rejects.toMatchObject({
      code: 'image-not-found',
    });
  });

  it('copies within itself without waiting for its own connections', async () => {
    const from = { registry: registry.host, path: 'trip/source' };
    const blobs = Array.from({ length: 40 }, () => randomBytes(200_000));
    for (const bytes of blobs) await client.putBlob(from, descriptorOf(bytes), body(bytes));
    const to = { registry: registry.host, path: 'trip/copy' };
    await Promise.all(
      blobs.map((bytes) => client.putBlob(to, descriptorOf(bytes), client.blob(from, descriptorOf(bytes)))),
    );
    expect(await client.hasBlob(to, descriptorOf(blobs[39] as Buffer))).toBe(true);
  });
});

describe('a real registry with TLS and a password', () => {
  it('is used with its CA and credentials, and reports missing credentials', async () => {
    const tls = selfSigned();
    const caFile = join(scratchFolder(), 'ca.pem');
    writeFileSync(caFile, tls.cert);
    // bcrypt of geheim123, as htpasswd -B writes it
    const htpasswd = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi';
    const secure = await startRegistry({ tls, htpasswd: `${htpasswd}\n` });
    const keychain = { lookup: async () => ({ kind: 'basic', username: 'user', password: 'geheim123' }) as const };
    const knowing = clientFor([], { caFile, keychain });
    const anonymous = clientFor([], { caFile });
    try {
      const repository = { registry: secure.host, path: 'a/b' };
      expect(await knowing.putBlob(repository, descriptorOf(small), body(small))).toBe('stored');
      await expect(anonymous.manifest(repository, 'x')).rejects.toMatchObject({
        code: 'unauthorized',
        hint: expect.stringContaining(`helm airgap login ${secure.host}`),
      });
    } finally {
      await Promise.all([knowing.close(), anonymous.close(), secure.stop()]);
    }
  });
});
