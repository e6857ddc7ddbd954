import { type BuiltImage, buildImage, pushBuilt } from './images.ts';

/** Splits a full image name, independently of src/. */
function split(reference: string): {
  registry: string;
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
} {
  const [name = '', digest] = reference.split('@');
  const slash = name.indexOf('/');
  const colon = name.indexOf(':', slash);
  return {
    registry: name.slice(0, slash),
    repository: name.slice(slash + 1, colon < 0 ? undefined : colon),
    tag: colon < 0 ? undefined : name.slice(colon + 1),
    digest,
  };
}

/**
 * Builds the synthetic image for a full image name, reproducibly. An image pinned by digest depends on its registry and
 * repository only, so that a fixture can pin it.
 */
export function upstreamImage(reference: string): BuiltImage {
  const { registry, repository, tag, digest } = split(reference);
  const name =
    digest === undefined && tag !== undefined ? `${registry}/${repository}:${tag}` : `${registry}/${repository}`;
  return buildImage({ name, sharedLayer: 'base' });
}

/**
 * Fills a registry with a synthetic image for each full image name, under `HOST/REGISTRY/REPOSITORY`, like a mirror of all
 * registries.
 * @returns digests by name
 */
export async function fillUpstream(host: string, references: readonly string[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const reference of references) {
    const { registry, repository, tag, digest } = split(reference);
    const image = upstreamImage(reference);
    if (digest !== undefined && digest !== image.digest) {
      throw new Error(`${reference} is pinned to a digest that is not its synthetic image's, ${image.digest}`);
    }
    digests.set(reference, await pushBuilt(host, `${registry}/${repository}`, tag, image));
  }
  return digests;
}
