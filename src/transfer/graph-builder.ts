import { AirgapError } from '../base/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode, Graph, ManifestNode, Root } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { type Referrer, sortReferrers } from '../oci/referrer.ts';

/** Merges the trees of several roots: each manifest and blob once, each blob with every repository that has it. */
export class GraphBuilder {
  readonly #roots: Root[] = [];
  readonly #referrers: Referrer[] = [];
  readonly #manifests = new Map<Digest, ManifestNode>();
  readonly #blobs = new Map<
    Digest,
    { readonly descriptor: Descriptor; readonly repositories: Map<string, Repository> }
  >();

  /**
   * Adds a root with its manifests, or nothing if it throws.
   * @throws AirgapError `registry` when two manifests list a blob with different sizes: one of them cannot be pulled
   */
  add(root: Root, nodes: readonly ManifestNode[]): void {
    this.#put(root.reference, nodes);
    this.#roots.push(root);
  }

  /** Adds a referrer with its manifests. @throws AirgapError as `add` */
  attach(referrer: Referrer, nodes: readonly ManifestNode[]): void {
    this.#put(referrer.repository, nodes);
    this.#referrers.push(referrer);
  }

  #put(repository: Repository, nodes: readonly ManifestNode[]): void {
    const sizes = new Map<Digest, number>();
    for (const { digest, size } of nodes.flatMap((node) => node.blobs)) {
      const known = this.#blobs.get(digest)?.descriptor.size ?? sizes.get(digest) ?? size;
      if (known !== size) {
        throw new AirgapError('registry', `one manifest lists ${digest} with ${size} bytes, another with ${known}`);
      }
      sizes.set(digest, size);
    }
    const { registry, path } = repository;
    const name = formatRepository({ registry, path });
    for (const node of nodes) {
      if (!this.#manifests.has(node.descriptor.digest)) this.#manifests.set(node.descriptor.digest, node);
      for (const descriptor of node.blobs) {
        const blob = this.#blobs.get(descriptor.digest) ?? { descriptor, repositories: new Map() };
        if (!blob.repositories.has(name)) blob.repositories.set(name, { registry, path });
        this.#blobs.set(descriptor.digest, blob);
      }
    }
  }

  /** Returns the graph of everything added so far. */
  build(): Graph {
    const blobs = new Map<Digest, BlobNode>();
    for (const [digest, { descriptor, repositories }] of this.#blobs) {
      blobs.set(digest, { descriptor, repositories: [...repositories.values()] });
    }
    const referrers = sortReferrers(this.#referrers);
    return { roots: [...this.#roots], manifests: new Map(this.#manifests), blobs, referrers };
  }
}
