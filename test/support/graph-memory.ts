/**
 * Program that walks many images from a source in memory and prints what they take, as JSON: `begun`, while no request
 * has been answered, and `kept`, in the graph of all of them; in bytes an image. Needs `--expose-gc`.
 */
import { randomBytes } from 'node:crypto';
import { MediaType } from '../../src/oci/descriptor.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import type { Reference } from '../../src/oci/reference.ts';
import { Walker } from '../../src/transfer/walk.ts';

const IMAGES = 4000;
const LAYERS = 4;

/** Returns a manifest of about 800 bytes whose blobs no other image has, in the pool of Buffer like an answer. */
function manifestOf(tag: string): Buffer {
  const blob = (kind: string): object => ({
    mediaType: `application/vnd.oci.image.${kind}`,
    digest: digestOf(Buffer.from(`${tag} ${kind}`)),
    size: 1000,
  });
  const layers = Array.from({ length: LAYERS }, (_, index) => blob(`layer.v1.tar+${index}`));
  const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: blob('config.v1+json'), layers };
  const bytes = Buffer.from(JSON.stringify(manifest));
  // Between two answers, others use the pool.
  for (let index = 0; index < 3; index++) Buffer.from(randomBytes(2000));
  return bytes;
}

function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const references = Array.from({ length: IMAGES }, (_, index): Reference => {
  return { registry: 'registry.example', path: `team/app-${index % 50}`, tag: `v${index}` };
});
const answers = Promise.withResolvers<void>();
const source = {
  manifest: async (_: unknown, tag: string) => {
    await answers.promise;
    const bytes = manifestOf(tag);
    const digest: Digest = digestOf(bytes);
    return { bytes, descriptor: { mediaType: MediaType.ociManifest, digest, size: bytes.length } };
  },
  blob: () => {
    throw new Error('no blob is read');
  },
};
const walker = new Walker(source, { platforms: [], concurrency: 8 });
const before = usedBytes();
const walk = walker.add(references);
const begun = usedBytes() - before;
answers.resolve();
const failures = await walk;
const graph = walker.graph();
const kept = usedBytes() - before;
const perImage = (bytes: number): number => Math.round(bytes / IMAGES);
console.log(
  JSON.stringify({
    images: graph.roots.length,
    blobs: graph.blobs.size,
    failures: failures.length,
    begun: perImage(begun),
    kept: perImage(kept),
  }),
);
