import { count } from '../../base/count.ts';
import { formatReference } from '../../oci/reference.ts';
import type { RepositoryImages } from '../../workflows/mirror/listing/index.ts';
import { referenceOf } from '../../workflows/mirror/listing/references.ts';
import type { PushedGraph } from '../../workflows/push/push-graph.ts';
import { pushDocument, pushReport } from './push.ts';
import type { Report } from './report.ts';

/**
 * Formats what a mirror did to one target: a table of the tags that were written or kept, and a summary. Unchanged tags are
 * only counted, since most are unchanged when a mirror is kept up to date.
 */
export function mirrorReport(result: PushedGraph, showTarget: boolean): Report {
  return pushReport(result, showTarget, 'changed');
}

/** Returns the JSON document of a mirror, with all tags. */
export function mirrorDocument(result: PushedGraph): object {
  return pushDocument(result);
}

/** Formats the images that a mirror would copy, one reference a line, as `--images` reads them. */
export function listingReport(repositories: readonly RepositoryImages[]): Report {
  const references = repositories.flatMap(({ repository, lookups }) =>
    lookups.map((lookup) => formatReference(referenceOf(repository, lookup))),
  );
  const repositoryCount = count(repositories.length, 'repository', 'repositories');
  return { result: references, notes: [`${count(references.length, 'image')} in ${repositoryCount}`] };
}
