import { openForUse } from '../../bundle/open.ts';
import type { Graph } from '../../oci/graph.ts';
import type { Target } from '../../oci/naming.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { place } from '../../transfer/tags.ts';
import { placeOf, withWritten } from './places.ts';

/**
 * Returns tags that an older bundle has at the target and the current content does not, with the digests of the older
 * bundle. Nothing is requested from the registry, and nothing is deleted.
 */
export async function retired(file: string, { roots }: Pick<Graph, 'roots'>, target: Target): Promise<Reference[]> {
  const older = await openForUse(file);
  try {
    const before = withWritten(target, [older]);
    const old = place([...older.images(), ...older.charts()], (repository) => placeOf(before, repository));
    const tagOf = ({ repository, tag }: (typeof old)[number]): string => formatReference({ ...repository, tag });
    const needed = new Set(place(roots, (repository) => placeOf(target, repository)).map(tagOf));
    const gone = old.filter((placement) => !needed.has(tagOf(placement)));
    return gone.map(({ root, repository, tag }) => ({ ...repository, tag, digest: root.descriptor.digest }));
  } finally {
    await older.close();
  }
}
