import { type BuiltImage, buildImage, pushBuilt } from './images.ts';

/** A full image name taken apart; the tests' own reading of it. */
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
 * The synthetic image that stands for a full image name, the same bytes every time. One that is pinned by digest depends
 * on its registry and repository alone, so that a fixture can hold the digest.
 */
export function upstreamImage(reference: string): BuiltImage {
  const { registry, repository, tag, digest } = split(reference);
  const name =
    digest === undefined && tag !== undefined ? `${registry}/${repository}:${tag}` : `${registry}/${repository}`;
  return buildImage({ name, sharedLayer: 'base' });
}

/**
 * Fills a registry with a synthetic image for each full image name, under `HOST/REGISTRY/REPOSITORY`, as a mirror of all
 * registries has them. Gives the digest of each.
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
