import type { ChartArtifact } from '../../bundle/format/chart-artifact.ts';
import { chartReference } from '../../bundle/format/names.ts';
import type { Graph } from '../../oci/graph.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { lockedContent } from '../bundle/bundle-lock-file.ts';
import { reportIncompleteReferrers } from '../bundle/bundle-warnings.ts';
import { resolveContent } from '../bundle/resolve-content.ts';
import { searchedContent } from '../bundle/searched-content.ts';
import type { ImagesOptions } from '../images/images.ts';
import { writtenNames } from '../push/written-names.ts';
import type { MirrorContent } from './content.ts';
import type { MirrorOptions } from './options.ts';

/**
 * Searches the charts as `bundle` does, or reads them and their images from a lock file.
 * @throws AirgapError of searching and resolving: nothing is copied if an image or chart cannot be read
 */
export function chartContent(context: Context, client: RegistryClient, options: MirrorOptions): Promise<MirrorContent> {
  const { charts, locked } = options.sources;
  return withScratch(context, async (scratch) => {
    const { content, warn = undefined } =
      locked === undefined
        ? { content: await searchedContent(context, charts as ImagesOptions, scratch) }
        : await lockedContent(context, locked, scratch);
    const requests = new ReferrerRequests();
    const { graph, artifacts, findings, missing } = await resolveContent(context, client, options, content, requests);
    warn?.();
    reportIncompleteReferrers(context.emit, requests.incomplete(), options.requireReferrers);
    return {
      graph: withCharts(graph, artifacts),
      source: client,
      unchanged: new Map(),
      knownTags: new Map(),
      unread: [],
      ...(missing.length > 0 && { missing }),
      writtenNames: writtenNames({ images: findings }),
    };
  });
}

/** Returns the graph with charts as further roots. */
function withCharts(graph: Graph, charts: readonly ChartArtifact[]): Graph {
  const contents = [graph, ...charts.map(({ content }) => content)];
  return {
    roots: [
      ...graph.roots,
      ...charts.map(({ name, version, descriptor }) => ({ reference: chartReference(name, version), descriptor })),
    ],
    manifests: new Map(contents.flatMap(({ manifests }) => [...manifests])),
    blobs: new Map(contents.flatMap(({ blobs }) => [...blobs])),
    referrers: [...(graph.referrers ?? []), ...charts.flatMap(({ referrers = [] }) => referrers)],
  };
}
