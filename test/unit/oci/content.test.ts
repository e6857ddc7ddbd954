import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { type Body, type ManifestContent, type RegistrySource, withSource } from '../../../src/oci/content.ts';
import { type Descriptor, MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';

const repository = { registry: 'quay.io', path: 'a' };
const descriptor = { mediaType: MediaType.ociManifest, digest: digestOf(Buffer.from('{}')), size: 2 };

/** A source whose methods need their own object. */
class Counter implements RegistrySource {
  #calls = 0;
  get calls(): number {
    return this.#calls;
  }
  async manifest(): Promise<ManifestContent> {
    this.#calls++;
    return { descriptor, bytes: Buffer.from('{}') };
  }
  blob(): Body {
    this.#calls++;
    return { size: 2, open: async () => Readable.from([Buffer.from('{}')]) };
  }
  async head(): Promise<Descriptor | undefined> {
    this.#calls++;
    return descriptor;
  }
  async referrers(): Promise<readonly Descriptor[] | undefined> {
    this.#calls++;
    return [descriptor];
  }
}

it('calls the methods that are not replaced on the source itself', async () => {
  const counter = new Counter();
  const source = withSource(counter, { head: async () => undefined });
  expect(await source.head(repository, '1')).toBeUndefined();
  expect(counter.calls).toBe(0);
  await source.manifest(repository, '1');
  source.blob(repository, descriptor);
  expect(await source.referrers(repository, descriptor.digest)).toEqual([descriptor]);
  expect(counter.calls).toBe(3);
});
