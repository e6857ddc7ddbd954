import { AirgapError } from '../base/errors.ts';
import type { ManifestContent, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client.ts';

/** A source that says what is there without giving it, too, and what belongs to it. */
export type AskedSource = Source & Pick<RegistryClient, 'head' | 'referrers'>;

/**
 * A source whose tags mean what they meant when somebody wrote their digests down: what is asked for by a pinned tag is
 * asked for by its digest.
 * @param pins full references with a tag, as `docker.io/library/nginx:1.27`, and their digests
 */
export function pinned(source: AskedSource, pins: ReadonlyMap<string, Digest>): AskedSource {
  const pinOf = (repository: Repository, tag: string): Digest | undefined =>
    pins.get(`${formatRepository(repository)}:${tag}`);
  return {
    async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
      const digest = pinOf(repository, tagOrDigest);
      if (digest === undefined) return source.manifest(repository, tagOrDigest);
      try {
        return await source.manifest(repository, digest);
      } catch (error) {
        if (!(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
        const name = `${formatRepository(repository)}:${tagOrDigest}`;
        throw new AirgapError(
          'image-not-found',
          `${name} is locked as ${digest}, which is not there: ${error.message}`,
          {
            hint: 'the tag has most likely moved, and what it was is gone; helm airgap images … --lock writes what it is now',
            cause: error,
          },
        );
      }
    },
    head: (repository, tagOrDigest) => source.head(repository, pinOf(repository, tagOrDigest) ?? tagOrDigest),
    referrers: (repository, subject) => source.referrers(repository, subject),
    blob: (repository, descriptor) => source.blob(repository, descriptor),
  };
}
