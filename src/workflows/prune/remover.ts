import { AirgapError, asAirgapError } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll-until.ts';
import type { EcrImageId, EcrImages } from '../../ecr/images.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import { formatReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';

/** What became of something to delete. */
export type Removal = 'deleted' | 'gone' | AirgapError;

/** Deletes in one repository. */
export interface Remover {
  /**
   * Deletes manifests with all of their tags.
   * @param tags listed tags of each; one that has other content by now protects its manifest
   */
  manifests(
    digests: readonly Digest[],
    tags: (digest: Digest) => readonly string[],
  ): Promise<ReadonlyMap<Digest, Removal>>;
  /**
   * Deletes a tag of a manifest that has to stay.
   * @param others tags of the manifest that stay
   */
  tag(tag: string, digest: Digest, others: readonly string[]): Promise<Removal>;
}

type Client = Pick<RegistryClient, 'deleteManifest' | 'hasManifest' | 'manifest' | 'putManifest'>;

/** Deletes by the registry's API (distribution specification 1.1). */
export class RegistryRemover implements Remover {
  readonly #client: Client;
  readonly #repository: Repository;

  constructor(client: Client, repository: Repository) {
    this.#client = client;
    this.#repository = repository;
  }

  async manifests(
    digests: readonly Digest[],
    tags: (digest: Digest) => readonly string[],
  ): Promise<ReadonlyMap<Digest, Removal>> {
    const removals = new Map<Digest, Removal>();
    for (const digest of digests) {
      const removal = await this.#manifest(digest, tags(digest)).catch(asAirgapError);
      removals.set(digest, removal);
      if (removal instanceof AirgapError && stopsRun(removal)) break;
    }
    return removals;
  }

  async #manifest(digest: Digest, tags: readonly string[]): Promise<Removal> {
    for (const tag of tags) {
      const found = await this.#client.hasManifest(this.#repository, tag);
      if (found !== undefined && found !== digest) throw this.#moved(tag, found);
    }
    const answer = await this.#client.deleteManifest(this.#repository, digest);
    for (const name of [digest, ...tags]) {
      const found = await this.#readBack(name).catch((error: unknown) => {
        const failure = asAirgapError(error);
        throw failure.with({ reason: `the registry deleted it, but it could not be read back: ${failure.reason}` });
      });
      if (found === digest) throw this.#error(name, 'the registry said that it is deleted, and still serves it');
    }
    return answer;
  }

  tag(tag: string, digest: Digest, others: readonly string[]): Promise<Removal> {
    return this.#tag(tag, digest, others).catch(asAirgapError);
  }

  async #tag(tag: string, digest: Digest, others: readonly string[]): Promise<Removal> {
    const repository = this.#repository;
    const found = await this.#client.hasManifest(repository, tag);
    if (found === undefined) return 'gone';
    if (found !== digest) return this.#moved(tag, found);
    const content = await this.#client.manifest(repository, digest);
    const answer = await this.#client.deleteManifest(repository, tag);
    // Some registries delete the manifest with the tag, and so its other tags.
    const lost = [];
    for (const name of [digest, ...others]) {
      if ((await this.#client.hasManifest(repository, name)) === undefined) lost.push(name);
    }
    if (lost.length > 0) {
      for (const other of others) await this.#client.putManifest(repository, content, other);
      return this.#error(
        tag,
        `the registry deleted ${lost.join(', ')} with the tag; ${lost.length === 1 ? 'it was' : 'they were'} pushed again`,
      );
    }
    if ((await this.#readBack(tag)) === digest)
      return this.#error(tag, 'the registry said that it is deleted, and still serves it');
    return answer;
  }

  /** Returns the digest of a tag or manifest after it was deleted. Some registries take a moment. */
  #readBack(name: string): Promise<Digest | undefined> {
    return pollUntil(
      () => this.#client.hasManifest(this.#repository, name),
      (found) => found === undefined,
      { attempts: 3 },
    );
  }

  #moved(tag: string, found: Digest): AirgapError {
    return new AirgapError('tag-conflict', 'the tag was moved meanwhile', {
      subject: this.#name(tag),
      detail: `it has ${found} now`,
    });
  }

  #error(name: string, reason: string): AirgapError {
    return new AirgapError('registry', reason, { subject: this.#name(name) });
  }

  #name(tagOrDigest: string): string {
    const { registry, path } = this.#repository;
    const isTag = !tagOrDigest.includes(':');
    return formatReference({ registry, path, ...(isTag ? { tag: tagOrDigest } : { digest: tagOrDigest as Digest }) });
  }
}

/** Deletes by ECR's own API, which takes 100 images a request. */
export class EcrRemover implements Remover {
  readonly #images: Pick<EcrImages, 'delete'>;
  readonly #repository: Repository;

  constructor(images: Pick<EcrImages, 'delete'>, repository: Repository) {
    this.#images = images;
    this.#repository = repository;
  }

  async manifests(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Removal>> {
    const ids = digests.map((digest) => ({ digest }));
    const removals = await this.#delete(ids);
    return new Map(ids.map((id) => [id.digest, removals(id)]));
  }

  async tag(tag: string): Promise<Removal> {
    const id = { tag };
    return (await this.#delete([id]))(id);
  }

  async #delete(ids: readonly EcrImageId[]): Promise<(id: EcrImageId) => Removal> {
    const removals = await this.#images.delete(this.#repository.path, ids);
    return (id) => removals.get(id) as Removal;
  }
}

/** Reports whether an error means that further deletions would fail in the same way. */
export function stopsRun({ code }: AirgapError): boolean {
  return ['unauthorized', 'forbidden', 'unsupported', 'network', 'interrupted'].includes(code);
}
