import { AirgapError } from '../../base/errors.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Target } from '../../naming/naming.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatRepository, type Reference } from '../../oci/reference.ts';
import { destinationOf } from '../push/destination.ts';

/** Maximum depth of nested indexes. */
const INDEX_DEPTH = 4;

/** An image of the bundle under its name at the target. */
interface BundledImage {
  readonly reference: Reference;
  /** Digest that push gives the tag. */
  readonly digest: Digest;
  /** All digests by which a runtime may name it: indexes, manifests of platforms, configs. */
  readonly digests: ReadonlySet<Digest>;
}

/** Answers, for a reference at the target, what the bundle has under it. */
export class BundledDigests {
  readonly #byRepository: ReadonlyMap<string, readonly BundledImage[]>;
  /** Configs by each digest that leads to them. */
  readonly #configs: ReadonlyMap<Digest, ReadonlySet<Digest>>;

  private constructor(images: readonly BundledImage[], configs: ReadonlyMap<Digest, ReadonlySet<Digest>>) {
    this.#byRepository = Map.groupBy(images, ({ reference }) => formatRepository(reference));
    this.#configs = configs;
  }

  /** Reads the manifests of all images. @throws AirgapError `bundle-invalid`, `digest-mismatch` */
  static async read(bundle: Bundle, target: Target): Promise<BundledDigests> {
    const configs = new Map<Digest, Set<Digest>>();
    const images: BundledImage[] = [];
    for (const root of bundle.images()) {
      const { manifests, configs: own } = await contentOf(bundle, root);
      const pinned = [root.sourceDigest, root.reference.digest].filter((digest) => digest !== undefined);
      const digests = new Set([...manifests, ...own, ...pinned]);
      for (const digest of digests) {
        const known = configs.get(digest) ?? new Set<Digest>();
        for (const config of own) known.add(config);
        configs.set(digest, known);
      }
      images.push({ reference: destinationOf(target, root.reference), digest: root.descriptor.digest, digests });
    }
    return new BundledDigests(images, configs);
  }

  /** Returns the image of the bundle that a reference at the target names; undefined if it has none. */
  find({ tag, digest, ...repository }: Reference): BundledImage | undefined {
    const images = this.#byRepository.get(formatRepository(repository)) ?? [];
    return images.find(({ digests, reference }) =>
      digest === undefined ? reference.tag === tag : digests.has(digest),
    );
  }

  /**
   * Reports whether a running container is this image. Runtimes keep one entry for each config, and name it by the digest
   * under which they got it first, which may be that of another image with the same content.
   */
  isSame(image: BundledImage, running: Digest): boolean {
    if (image.digests.has(running)) return true;
    return [...(this.#configs.get(running) ?? [])].some((config) => image.digests.has(config));
  }
}

/** Returns the digests of all manifests and configs of an image. Content that a delta omits is left out. */
async function contentOf(
  bundle: Bundle,
  { reference, descriptor }: Root,
): Promise<{ readonly manifests: readonly Digest[]; readonly configs: readonly Digest[] }> {
  // A hostile index may list the same child a thousand times, on each level.
  const manifests = new Set<Digest>();
  const configs: Digest[] = [];
  let level = [descriptor];
  for (let depth = 0; depth < INDEX_DEPTH && level.length > 0; depth += 1) {
    const next: typeof level = [];
    for (const { digest, mediaType } of level) {
      if (manifests.has(digest)) continue;
      manifests.add(digest);
      const content = await bundle.manifest(reference, digest).catch((error: unknown) => {
        if (error instanceof AirgapError && error.code === 'image-not-found') return undefined;
        throw error;
      });
      if (content === undefined) continue;
      const parsed = parseManifest(mediaType, content.bytes);
      if (parsed.config !== undefined) configs.push(parsed.config.digest);
      if (isIndexType(mediaType)) next.push(...parsed.manifests);
    }
    level = next;
  }
  return { manifests: [...manifests], configs };
}
