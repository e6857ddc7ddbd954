import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AirgapEvent, ignoreEvents } from '../../../../src/base/events.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { type BlobHasher, type BlobOffset, damagedBlobs } from '../../../../src/bundle/verifying/hashing.ts';
import { type Digest, digestOf } from '../../../../src/oci/digest.ts';
import { registry, write } from '../../../support/bundles.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** Returns a bundle with one damaged blob, and that blob’s digest. */
async function damagedBundle(): Promise<{ path: string; damaged: Digest; blobs: readonly Digest[] }> {
  const path = join(scratchFolder(), 'b');
  await write(path, registry());
  const bundle = await openBundle(path);
  const damaged = digestOf(noise('a', 5000));
  const { offset = 0 } = bundle.entries.get(damaged) ?? {};
  await bundle.close();
  const file = await open(path, 'r+');
  await file.write(Buffer.from('!'), 0, 1, offset + 7);
  await file.close();
  return { path, damaged, blobs: [...bundle.entries.keys()] };
}

/** Records the blobs that it is given. */
class Recorder implements BlobHasher {
  readonly given: BlobOffset[] = [];
  readonly answer: (blobs: readonly BlobOffset[]) => readonly Digest[] | undefined;

  constructor(answer: Recorder['answer']) {
    this.answer = answer;
  }

  async findDamaged(
    blobs: readonly BlobOffset[],
    onBytes: (bytes: number) => void,
  ): Promise<readonly Digest[] | undefined> {
    this.given.push(...blobs);
    onBytes(blobs.reduce((sum, { size }) => sum + size, 0));
    return this.answer(blobs);
  }
}

async function found(path: string, hashers: readonly BlobHasher[], events: AirgapEvent[] = []): Promise<Digest[]> {
  const bundle = await openBundle(path);
  try {
    return [...(await damagedBlobs(bundle, { hashers, emit: (event) => events.push(event) }))];
  } finally {
    await bundle.close();
  }
}

describe('the blobs of a bundle', () => {
  it('are hashed once each, here or by another hasher, and damaged ones are reported', async () => {
    const { path, damaged, blobs } = await damagedBundle();
    const events: AirgapEvent[] = [];
    const otherHasher = new Recorder((batch) =>
      batch.map(({ digest }) => digest).filter((digest) => digest === damaged),
    );
    expect(await found(path, [otherHasher], events)).toEqual([damaged]);
    const reported = (status: 'done' | 'failed'): string[] =>
      events.flatMap((event) => (event.type === 'blob' && event.status === status ? [event.digest] : []));
    expect(reported('done').toSorted()).toEqual(blobs.filter((digest) => digest !== damaged).toSorted());
    expect(reported('failed')).toEqual([damaged]);
    expect(await found(path, [])).toEqual([damaged]);
  });

  it('are hashed here if the other hashers are gone', async () => {
    const { path, damaged } = await damagedBundle();
    expect(await found(path, [new Recorder(() => undefined), new Recorder(() => undefined)])).toEqual([damaged]);
  });

  it('are no longer hashed after an abort', async () => {
    const { path } = await damagedBundle();
    const bundle = await openBundle(path);
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(damagedBlobs(bundle, { hashers: [], emit: ignoreEvents, signal })).rejects.toThrow('stop');
    await bundle.close();
  });
});
