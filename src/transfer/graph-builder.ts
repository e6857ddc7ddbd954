import { AirgapError } from '../base/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode, Graph, ManifestNode, Root } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { type Referrer, sortReferrers } from '../oci/referrer.ts';

/** Puts the trees of several roots together: manifests and blobs once, each blob with every repository that has it. */
export class GraphBuilder {
  readonly #roots: Root[] = [];
  readonly #referrers: Referrer[] = [];
  readonly #manifests = new Map<Digest, ManifestNode>();
  readonly #blobs = new Map<
    Digest,
    { readonly descriptor: Descriptor; readonly repositories: Map<string, Repository> }
  >();

  /**
   * @throws AirgapError `registry` when two manifests give one blob two sizes: one of them cannot be pulled; nothing is
   *   added then
   */
  add(root: Root, nodes: readonly ManifestNode[]): void {
    this.#put(root.reference, nodes);
    this.#roots.push(root);
  }

  /** Adds what belongs to a manifest. @throws AirgapError as `add` */
  attach(referrer: Referrer, nodes: readonly ManifestNode[]): void {
    this.#put(referrer.repository, nodes);
    this.#referrers.push(referrer);
  }

  #put(repository: Repository, nodes: readonly ManifestNode[]): void {
    const sizes = new Map<Digest, number>();
    for (const { digest, size } of nodes.flatMap((node) => node.blobs)) {
      const known = this.#blobs.get(digest)?.descriptor.size ?? sizes.get(digest) ?? size;
      if (known !== size) {
        throw new AirgapError('registry', `${digest} has ${size} bytes by one manifest and ${known} by another`);
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

  /** What has been added so far; more may follow. */
  build(): Graph {
    const blobs = new Map<Digest, BlobNode>();
    for (const [digest, { descriptor, repositories }] of this.#blobs) {
      blobs.set(digest, { descriptor, repositories: [...repositories.values()] });
    }
    const referrers = sortReferrers(this.#referrers);
    return { roots: [...this.#roots], manifests: new Map(this.#manifests), blobs, referrers };
  }
}
