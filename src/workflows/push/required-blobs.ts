import type { Repository } from '../../oci/reference.ts';
import { tryParseRepository } from '../../oci/reference.ts';
import type { RequiredBlobs } from '../../transfer/required-blobs.ts';
import type { LoadedBundles } from './loaded-bundles.ts';

/**
 * Returns the blobs that deltas omit. The base bundle was pushed with the same naming, which gives their repositories.
 */
export function requiredBlobsOf(
  { required, bundles }: LoadedBundles,
  target: (repository: Repository) => Repository,
  source: RequiredBlobs['source'],
): RequiredBlobs | undefined {
  if (required === undefined) return undefined;
  const repositories = required.map(
    ({ digest, repositories: names }) =>
      [digest, names.flatMap((name) => tryParseRepository(name) ?? []).map(target)] as const,
  );
  const since = bundles.flatMap((bundle) => bundle.inventory()?.since ?? []).join(', ');
  const hint = `push the base bundle (inventory ${since}) first, with the same --to and --naming, or use a full bundle made without --since`;
  return { repositories: new Map(repositories), source, hint };
}
