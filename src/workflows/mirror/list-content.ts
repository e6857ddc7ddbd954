import { runStep } from '../../base/step.ts';
import { withSource } from '../../oci/content.ts';
import { isReferrerTag } from '../../oci/referrer.ts';
import type { RegistryClient } from '../../registry/client.ts';
import type { Context } from '../../session/context.ts';
import { pinnedSource } from '../../transfer/pinned-source.ts';
import { REQUESTS_PER_TRANSFER, ReferrerCollector } from '../../transfer/referrers/collect.ts';
import { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { Walker } from '../../transfer/walk.ts';
import { reportForeignLayers, reportIncompleteReferrers, warnLeftOutReferrers } from '../bundle/bundle-warnings.ts';
import { requireSourceSignatures } from '../bundle/image-signatures.ts';
import { type Comparison, compareImages } from './compare.ts';
import type { MirrorContent } from './content.ts';
import { type RepositoryImages, referenceOf } from './listing/index.ts';
import type { MirrorOptions } from './options.ts';
import { TagLists } from './tag-lists.ts';

const MOVED_HINT =
  'the tag was moved and its old image deleted while the run was reading it: run the command again; if that does not help, the registry tells a wrong digest: use --recheck';

/**
 * Compares listed images with the targets, and reads the manifests of those that differ, with their referrers.
 * @param sink reads from the targets
 * @throws AirgapError `collision`, `signature`, `interrupted`; errors of single images are in the result
 */
export async function listContent(
  { emit, signal }: Context,
  source: RegistryClient,
  sink: RegistryClient,
  repositories: readonly RepositoryImages[],
  options: MirrorOptions,
): Promise<MirrorContent> {
  const { targets, referrers, platforms, attestations, concurrency } = options;
  const tagLists = new TagLists(source, repositories);
  const { changed, digests, unread, ...present } = canCompareTags(options)
    ? await compareImages(
        repositories,
        { source, sink, targets, tagLists },
        { referrers, concurrency: concurrency * REQUESTS_PER_TRANSFER, emit, signal },
      )
    : uncompared(repositories);
  const pinned = pinnedSource(source, digests, MOVED_HINT);
  const reader = withSource(pinned, {
    // Most images have none of cosign's tags: one list of tags replaces three requests for each image.
    head: async (repository, tagOrDigest) =>
      isReferrerTag(tagOrDigest) && (await tagLists.of(repository))?.has(tagOrDigest) === false
        ? undefined
        : pinned.head(repository, tagOrDigest),
  });
  const walkOptions = { concurrency, emit, signal };
  const walker = new Walker(reader, { ...walkOptions, platforms, attestations });
  const requests = new ReferrerRequests();
  const collector = new ReferrerCollector(reader, walker, walkOptions, requests);
  const failures = await runStep(emit, 'reading manifests', (advance) => walker.add(changed, advance), changed.length);
  if (referrers) await collector.collect(walker.graph().roots);
  const graph = await collector.withBlobs(walker.graph());
  const leftOut = collector.leftOut();
  const policy = options.verifySignatures;
  await requireSourceSignatures({ graph, leftOut, source, policy, concurrency, emit, signal }, requests);
  warnLeftOutReferrers(emit, leftOut);
  reportForeignLayers(emit, graph);
  reportIncompleteReferrers(emit, requests.incomplete(), options.requireReferrers);
  return { graph, source: reader, ...present, unread: [...unread, ...failures] };
}

/** Reports whether equal digests of tags mean that nothing is to be done. A selection of platforms changes digests. */
function canCompareTags({ platforms, attestations, verifySignatures, recheck }: MirrorOptions): boolean {
  return platforms.length === 0 && attestations === 'keep' && verifySignatures === undefined && !recheck;
}

function uncompared(repositories: readonly RepositoryImages[]): Comparison {
  const changed = repositories.flatMap(({ repository, lookups }) =>
    lookups.map((lookup) => referenceOf(repository, lookup)),
  );
  return { changed, digests: new Map(), unchanged: new Map(), knownTags: new Map(), unread: [] };
}
