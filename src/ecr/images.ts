import type { ECRClient, ImageFailure, ImageIdentifier } from '@aws-sdk/client-ecr';
import { AirgapError } from '../base/errors.ts';
import { printableLine } from '../base/printable.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { ecrClient, registryIdInput } from './connection.ts';
import { awsError, errorName, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';

/** Maximum page size of DescribeImages and DescribeRepositories (API reference). */
const PAGE_SIZE = 1000;
/** Maximum images per BatchDeleteImage request. */
const MAX_IMAGES = 100;

/** A manifest in an ECR repository, tagged or not. */
export interface EcrImage {
  readonly digest: Digest;
  readonly tags: readonly string[];
  /** When it was pushed, in ISO 8601. */
  readonly pushed?: string;
  /** False if it is archived or being restored: it cannot be pulled then. */
  readonly isActive: boolean;
}

/** What to delete: a manifest with all its tags, or one tag. */
export type EcrImageId = { readonly digest: Digest } | { readonly tag: string };

/** Images of private ECR registries: listing and deleting. */
export class EcrImages {
  readonly #host: EcrHost;
  readonly #client: Promise<ECRClient>;

  constructor(host: EcrHost, options: EcrOptions) {
    this.#host = host;
    this.#client = ecrClient(host, options);
  }

  /** Returns the names of all repositories of the registry. @throws AirgapError `forbidden`, `unauthorized`, `network` */
  async repositories(): Promise<readonly string[]> {
    const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
    const names: string[] = [];
    try {
      for (let nextToken: string | undefined; ; ) {
        const page = { ...registryIdInput(this.#host), maxResults: PAGE_SIZE, nextToken };
        const response = await (await this.#client).send(new DescribeRepositoriesCommand(page));
        names.push(...(response.repositories ?? []).map(({ repositoryName = '' }) => repositoryName));
        nextToken = response.nextToken;
        if (!nextToken) return names;
      }
    } catch (error) {
      throw awsError(`repositories of ${this.#host.host}`, error);
    }
  }

  /**
   * Returns all manifests of a repository, archived ones too; none if it does not exist.
   * @throws AirgapError `forbidden`, `unauthorized`, `network`, `registry`
   */
  async list(repositoryName: string): Promise<readonly EcrImage[]> {
    const { DescribeImagesCommand } = await import('@aws-sdk/client-ecr');
    const images: EcrImage[] = [];
    try {
      for (let nextToken: string | undefined; ; ) {
        const page = { maxResults: PAGE_SIZE, nextToken, filter: { imageStatus: 'ANY' as const } };
        const command = new DescribeImagesCommand({ ...registryIdInput(this.#host), repositoryName, ...page });
        const response = await (await this.#client).send(command);
        for (const { imageDigest = '', imageTags = [], imagePushedAt, imageStatus } of response.imageDetails ?? []) {
          if (!isDigest(imageDigest)) {
            throw new AirgapError('registry', 'ECR listed an image without a digest', { subject: repositoryName });
          }
          images.push({
            digest: imageDigest,
            tags: imageTags,
            ...(imagePushedAt && { pushed: imagePushedAt.toISOString() }),
            isActive: (imageStatus ?? 'ACTIVE') === 'ACTIVE',
          });
        }
        nextToken = response.nextToken;
        if (!nextToken) return images;
      }
    } catch (error) {
      if (errorName(error) === 'RepositoryNotFoundException') return [];
      throw awsError(`images of ${this.#host.host}/${repositoryName}`, error);
    }
  }

  /**
   * Deletes manifests with all their tags, and single tags. ECR deletes an image with its last tag.
   * @returns for each of them what became of it: an error too, because others may be deleted by then
   */
  async delete(
    repositoryName: string,
    images: readonly EcrImageId[],
  ): Promise<ReadonlyMap<EcrImageId, AirgapError | 'deleted' | 'gone'>> {
    const outcomes = new Map<EcrImageId, AirgapError | 'deleted' | 'gone'>();
    const what = `${this.#host.host}/${repositoryName}`;
    for (let start = 0; start < images.length; start += MAX_IMAGES) {
      const batch = images.slice(start, start + MAX_IMAGES);
      try {
        const failures = await this.#deleteBatch(repositoryName, batch);
        for (const image of batch) outcomes.set(image, outcomeOf(what, image, failures));
      } catch (error) {
        const refusal = errorName(error) === 'RepositoryNotFoundException' ? 'gone' : deletionError(what, error);
        for (const image of images.slice(start)) outcomes.set(image, refusal);
        return outcomes;
      }
    }
    return outcomes;
  }

  async #deleteBatch(repositoryName: string, batch: readonly EcrImageId[]): Promise<readonly ImageFailure[]> {
    const { BatchDeleteImageCommand } = await import('@aws-sdk/client-ecr');
    const imageIds = batch.map(identifierOf);
    const command = new BatchDeleteImageCommand({ ...registryIdInput(this.#host), repositoryName, imageIds });
    return (await (await this.#client).send(command)).failures ?? [];
  }

  async close(): Promise<void> {
    await this.#client.then(
      (client) => client.destroy(),
      () => {},
    );
  }
}

function identifierOf(image: EcrImageId): ImageIdentifier {
  return 'digest' in image ? { imageDigest: image.digest } : { imageTag: image.tag };
}

function outcomeOf(
  what: string,
  image: EcrImageId,
  failures: readonly ImageFailure[],
): AirgapError | 'deleted' | 'gone' {
  const id = identifierOf(image);
  const failure = failures.find(({ imageId }) =>
    'digest' in image ? imageId?.imageDigest === id.imageDigest : imageId?.imageTag === id.imageTag,
  );
  if (failure === undefined) return 'deleted';
  const { failureCode = '', failureReason = '' } = failure;
  if (failureCode === 'ImageNotFound') return 'gone';
  const reason =
    failureCode === 'ImageReferencedByManifestList'
      ? 'ECR does not delete it, because an index of the repository has it'
      : 'ECR did not delete it';
  const subject = 'digest' in image ? `${what}@${image.digest}` : `${what}:${image.tag}`;
  return new AirgapError('registry', reason, { subject, detail: printableLine(`${failureCode}: ${failureReason}`) });
}

function deletionError(what: string, cause: unknown): AirgapError {
  if (!isDenied(cause)) return awsError(`deleting images of ${what}`, cause);
  return new AirgapError('forbidden', 'the AWS credentials may not delete images', {
    subject: what,
    hint: 'grant ecr:BatchDeleteImage on these repositories; push does not need it',
    cause,
  });
}
