import { AirgapError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode, Graph, ManifestNode, Root } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/** Puts the trees of several roots together: manifests and blobs once, each blob with every repository that has it. */
export class GraphBuilder {
  readonly #roots: Root[] = [];
  readonly #manifests = new Map<Digest, ManifestNode>();
  readonly #blobs = new Map<Digest, BlobNode>();

  /**
   * @throws AirgapError `registry` when two manifests give one blob two sizes: one of them cannot be pulled; nothing of
   *   the root is added then
   */
  add(root: Root, nodes: readonly ManifestNode[]): void {
    const sizes = new Map<Digest, number>();
    for (const { digest, size } of nodes.flatMap((node) => node.blobs)) {
      const known = this.#blobs.get(digest)?.descriptor.size ?? sizes.get(digest) ?? size;
      if (known !== size) {
        throw new AirgapError('registry', `${digest} has ${size} bytes by one manifest and ${known} by another`);
      }
      sizes.set(digest, size);
    }
    this.#roots.push(root);
    for (const node of nodes) {
      if (!this.#manifests.has(node.descriptor.digest)) this.#manifests.set(node.descriptor.digest, node);
      for (const descriptor of node.blobs) {
        const known = this.#blobs.get(descriptor.digest);
        const repositories = withRepository(known?.repositories ?? [], root.reference);
        this.#blobs.set(descriptor.digest, { descriptor: known?.descriptor ?? descriptor, repositories });
      }
    }
  }

  /** What has been added so far; more may follow. */
  build(): Graph {
    return { roots: [...this.#roots], manifests: new Map(this.#manifests), blobs: new Map(this.#blobs) };
  }
}

function withRepository(known: readonly Repository[], { registry, path }: Repository): readonly Repository[] {
  const name = formatRepository({ registry, path });
  return known.some((other) => formatRepository(other) === name) ? known : [...known, { registry, path }];
}
