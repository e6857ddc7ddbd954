import type { MissingFinding } from '../../inventory/missing-images.ts';
import type { Target } from '../../naming/naming.ts';
import type { Source } from '../../oci/content.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import type { CheckedTags } from '../../transfer/destinations.ts';
import type { WalkFailure } from '../../transfer/walk.ts';

/** What is to be copied, and what the targets have already. */
export interface MirrorContent {
  /** Images and charts that a target may lack. */
  readonly graph: Graph;
  readonly source: Source;
  /** Images that all targets have, which are not in the graph. */
  readonly unchanged: ReadonlyMap<Target, readonly CopyOutcome[]>;
  readonly knownTags: CheckedTags;
  /** Images that could not be read. */
  readonly unread: readonly WalkFailure[];
  /** Images of charts that are needed and do not exist; absent if there are none. */
  readonly missing?: readonly MissingFinding[];
  /** Spelling of each repository in the charts, by `registry/path`, for namings that need it. */
  readonly writtenNames?: ReadonlyMap<string, string>;
}

/** Merges the content of two kinds of sources, which are read by the same client. A reference in both is copied once. */
export function mergeContents(first: MirrorContent, second: MirrorContent): MirrorContent {
  const references = new Set(first.graph.roots.map(({ reference }) => formatReference(reference)));
  const isNew = ({ reference }: { readonly reference: Reference }): boolean =>
    !references.has(formatReference(reference));
  const unchanged = new Map([...second.unchanged].map(([target, outcomes]) => [target, outcomes.filter(isNew)]));
  return {
    graph: {
      roots: [...first.graph.roots, ...second.graph.roots.filter(isNew)],
      manifests: new Map([...first.graph.manifests, ...second.graph.manifests]),
      blobs: new Map([...first.graph.blobs, ...second.graph.blobs]),
      referrers: [...(first.graph.referrers ?? []), ...(second.graph.referrers ?? [])],
    },
    source: first.source,
    unchanged,
    knownTags: new Map([...first.knownTags, ...second.knownTags]),
    unread: [...first.unread, ...second.unread],
    ...(first.missing && { missing: first.missing }),
    ...(first.writtenNames && { writtenNames: first.writtenNames }),
  };
}
