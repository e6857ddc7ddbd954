import type { Inventory } from '../../inventory/inventory.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Content, Graph } from '../../oci/graph.ts';
import type { ChartArtifact } from '../format/chart-artifact.ts';
import { dockerSaveFile } from '../format/docker-save.ts';
import { type Layout, planLayout } from '../format/layout.ts';
import { indexFile, inventoryArtifact, OCI_LAYOUT } from '../format/metadata.ts';
import type { Signature } from '../signing/detached.ts';
import { signatureArtifact } from '../signing/signature.ts';
import { type ToolFile, toolLayout } from './tool-files.ts';

/** Content of a bundle. */
export interface BundleContent {
  readonly graph: Graph;
  readonly charts: readonly ChartArtifact[];
  /** Inventory; without it, the file is a plain archive of images. */
  readonly inventory?: Inventory;
  /** Further layers of the inventory artifact. */
  readonly evidence?: readonly Uint8Array[];
  /** Signatures over the inventory. */
  readonly signatures?: readonly Signature[] | undefined;
  /** Files of the inventory's tools. */
  readonly tools?: readonly ToolFile[] | undefined;
}

/** Plans the archive. @throws AirgapError `collision`, `registry` */
export function bundleLayout({
  graph,
  charts,
  inventory,
  evidence,
  signatures = [],
  tools = [],
}: BundleContent): Layout {
  const packedInventory = inventory === undefined ? undefined : inventoryArtifact(inventory, evidence);
  const packedSignature = signatures.length === 0 ? undefined : signatureArtifact(signatures);
  const unsigned = [
    graph,
    ...charts.map(({ content }) => content),
    ...(packedInventory ? [packedInventory.content] : []),
  ];
  const contents = packedSignature === undefined ? unsigned : [...unsigned, packedSignature.content];
  const leftOut = new Set<Digest>(inventory?.requires?.map(({ digest }) => digest));
  const content: Content = {
    manifests: new Map(contents.flatMap(({ manifests }) => [...manifests])),
    blobs: new Map(contents.flatMap(({ blobs }) => [...blobs]).filter(([digest]) => !leftOut.has(digest))),
  };
  const metadata = [
    { name: 'oci-layout', bytes: OCI_LAYOUT },
    {
      name: 'index.json',
      bytes: indexFile(graph.roots, charts, packedInventory?.descriptor, graph.referrers, packedSignature?.descriptor),
    },
  ];
  // `docker load` needs all layers, which a delta does not have.
  if (leftOut.size === 0) metadata.push({ name: 'manifest.json', bytes: dockerSaveFile(graph) });
  const { metadata: ofTools, entries } = toolLayout(tools);
  // At the end, where further signatures move nothing else.
  const last = packedSignature?.own.filter((digest) => !unsigned.some((part) => isIn(part, digest)));
  return planLayout([...metadata, ...ofTools], content, { tools: entries, last });
}

function isIn({ manifests, blobs }: Content, digest: Digest): boolean {
  return manifests.has(digest) || blobs.has(digest);
}
