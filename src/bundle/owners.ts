import { firstOf } from '../base/count.ts';
import type { Digest } from '../oci/digest.ts';
import { closureOf, type Graph } from '../oci/graph.ts';
import { formatReference } from '../oci/reference.ts';
import type { ChartArtifact } from './chart-artifact.ts';

/** Maximum number of names in a message. A base layer may belong to hundreds of images. */
const MAX_SHOWN = 3;

/** Returns a function that names the images and charts of a blob, for messages. Built on first use. */
export function blobOwners(graph: Graph, charts: readonly ChartArtifact[]): (digest: Digest) => string {
  let names: Map<Digest, string[]> | undefined;
  return (digest) => {
    names ??= namesByBlob(graph, charts);
    return firstOf(names.get(digest) ?? [], MAX_SHOWN);
  };
}

function namesByBlob(graph: Graph, charts: readonly ChartArtifact[]): Map<Digest, string[]> {
  const names = new Map<Digest, string[]>();
  const add = (digest: Digest, name: string): void => {
    const known = names.get(digest);
    if (known === undefined) names.set(digest, [name]);
    else known.push(name);
  };
  for (const { reference, descriptor } of graph.roots) {
    const name = formatReference(reference);
    for (const digest of closureOf(graph, descriptor.digest).blobs) add(digest, name);
  }
  for (const { name, content } of charts) for (const digest of content.blobs.keys()) add(digest, `chart ${name}`);
  return names;
}
