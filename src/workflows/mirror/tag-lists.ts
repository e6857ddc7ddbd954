import { formatRepository, type Repository } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import type { RepositoryImages } from './listing/index.ts';

type TagClient = Pick<RegistryClient, 'tags' | 'hasMirrors'>;

/**
 * Tag lists of source repositories, each requested once. They tell which of cosign's tags exist, which would otherwise take
 * three requests for each image. The list of a cache does not: it has only the tags that somebody has asked for.
 */
export class TagLists {
  readonly #client: TagClient;
  readonly #lists = new Map<string, Promise<ReadonlySet<string> | undefined>>();

  /** @param listed repositories whose tags are known */
  constructor(client: TagClient, listed: readonly RepositoryImages[]) {
    this.#client = client;
    for (const { repository, allTags } of listed) {
      if (allTags !== undefined && !client.hasMirrors(repository))
        this.#lists.set(formatRepository(repository), Promise.resolve(allTags));
    }
  }

  /** Returns the tags of a repository; undefined if the registry does not list them all. */
  async of({ registry, path }: Repository): Promise<ReadonlySet<string> | undefined> {
    if (this.#client.hasMirrors({ registry, path })) return undefined;
    const name = formatRepository({ registry, path });
    const list = this.#lists.get(name) ?? this.#client.tags({ registry, path }).catch(() => undefined);
    this.#lists.set(name, list);
    return list;
  }
}
