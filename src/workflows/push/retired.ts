import { type Emit, ignoreEvents } from '../../base/events.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { Target } from '../../naming/naming.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { destinationsFor } from '../../transfer/destinations.ts';
import { destinationOf } from './destination.ts';
import { withWrittenNames } from './written-names.ts';

/**
 * Returns tags that an older bundle has at the target and the current content does not, with the digests of the older
 * bundle. Nothing is requested from the registry, and nothing is deleted.
 */
export async function retiredReferences(
  file: string,
  { roots }: Pick<Graph, 'roots'>,
  target: Target,
  emit: Emit = ignoreEvents,
): Promise<Reference[]> {
  const older = await openCheckedBundle(file, { emit });
  try {
    const olderTarget = withWrittenNames(target, [older]);
    const olderDestinations = destinationsFor([...older.images(), ...older.charts()], (repository) =>
      destinationOf(olderTarget, repository),
    );
    const nameOf = ({ repository, tag }: (typeof olderDestinations)[number]): string =>
      formatReference({ ...repository, tag });
    const needed = new Set(destinationsFor(roots, (repository) => destinationOf(target, repository)).map(nameOf));
    const retired = olderDestinations.filter((destination) => !needed.has(nameOf(destination)));
    return retired.map(({ root, repository, tag }) => ({ ...repository, tag, digest: root.descriptor.digest }));
  } finally {
    await older.close();
  }
}
