import type { Repository } from '@aws-sdk/client-ecr';
import { ecrClient, registryIdInput } from './connection.ts';
import { describeRepositories } from './describe.ts';
import { awsError } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';
import { mutabilityInput, type TagMutability } from './settings.ts';

/** Tag mutability of the repositories of one private registry. */
export interface TagMutabilities {
  /**
   * Reads it, of a hundred repositories with a request; a repository that does not exist is left out.
   * @throws AirgapError `unauthorized`, `forbidden`, `network`, `registry`
   */
  read(names: readonly string[]): Promise<ReadonlyMap<string, TagMutability>>;
  /** @throws AirgapError as `read` */
  set(name: string, mutability: TagMutability): Promise<void>;
  /** Closes all connections. */
  close(): void;
}

/** Opens the API of a private registry for reading and setting tag mutability. */
export async function openTagMutabilities(host: EcrHost, options: EcrOptions): Promise<TagMutabilities> {
  const client = await ecrClient(host, options);
  const { DescribeRepositoriesCommand, PutImageTagMutabilityCommand } = await import('@aws-sdk/client-ecr');
  return {
    async read(names) {
      const described = await describeRepositories<Repository>(
        host.host,
        (input) => client.send(new DescribeRepositoriesCommand({ ...registryIdInput(host), ...input })),
        names,
      );
      return new Map([...described].map(([name, repository]) => [name, tagMutabilityOf(repository)]));
    },
    async set(repositoryName, mutability) {
      const input = { ...registryIdInput(host), repositoryName, ...mutabilityInput(mutability) };
      await client.send(new PutImageTagMutabilityCommand(input)).catch((error: unknown) => {
        throw awsError(`tag mutability of ${host.host}/${repositoryName}`, error);
      });
    },
    close: () => client.destroy(),
  };
}

function tagMutabilityOf({ imageTagMutability, imageTagMutabilityExclusionFilters }: Repository): TagMutability {
  return {
    immutable: imageTagMutability?.startsWith('IMMUTABLE') === true,
    except: (imageTagMutabilityExclusionFilters ?? []).flatMap(({ filter }) => filter ?? []),
  };
}
