import { AirgapError } from '../base/errors.ts';
import { type RegistrySource, withSource } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

const LOCK_FILE_HINT =
  'the tag has probably moved and the old image was deleted; update the lock file with helm airgap images ... --lock';

/**
 * Returns a source that resolves pinned tags to their recorded digests.
 * @param pins full references with a tag, as `docker.io/library/nginx:1.27`, and their digests
 * @param hint for a digest that does not exist
 */
export function pinnedSource(
  source: RegistrySource,
  pins: ReadonlyMap<string, Digest>,
  hint: string = LOCK_FILE_HINT,
): RegistrySource {
  const pinnedDigest = (repository: Repository, tag: string): Digest | undefined =>
    pins.get(`${formatRepository(repository)}:${tag}`);
  return withSource(source, {
    async manifest(repository, tagOrDigest) {
      const digest = pinnedDigest(repository, tagOrDigest);
      if (digest === undefined) return source.manifest(repository, tagOrDigest);
      try {
        return await source.manifest(repository, digest);
      } catch (error) {
        if (!(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
        const name = `${formatRepository(repository)}:${tagOrDigest}`;
        throw new AirgapError(
          'image-not-found',
          `${name} is locked to ${digest}, which does not exist: ${error.message}`,
          { hint, cause: error },
        );
      }
    },
    head: (repository, tagOrDigest) => source.head(repository, pinnedDigest(repository, tagOrDigest) ?? tagOrDigest),
  });
}
