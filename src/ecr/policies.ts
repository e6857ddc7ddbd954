import type { ECRClient } from '@aws-sdk/client-ecr';
import { AirgapError } from '../base/errors.ts';
import { ecrClient, registryIdInput } from './connection.ts';
import { awsError, errorName, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';

/** Maximum characters of a repository policy (ECR API reference, SetRepositoryPolicy). */
export const REPOSITORY_POLICY_LIMIT = 10_240;

/** Policies of repositories in a private ECR registry. All methods throw AirgapError for one repository. */
export class RepositoryPolicies {
  readonly #host: EcrHost;
  readonly #client: Promise<ECRClient>;

  constructor(host: EcrHost, options: EcrOptions) {
    this.#host = host;
    this.#client = ecrClient(host, options);
  }

  /** Returns the policy of a repository as JSON text, if it has one; undefined if there is no such repository. */
  async get(repositoryName: string): Promise<{ readonly text?: string } | undefined> {
    const { GetRepositoryPolicyCommand } = await import('@aws-sdk/client-ecr');
    try {
      const command = new GetRepositoryPolicyCommand({ ...registryIdInput(this.#host), repositoryName });
      const { policyText } = await (await this.#client).send(command);
      return policyText === undefined ? {} : { text: policyText };
    } catch (error) {
      if (errorName(error) === 'RepositoryNotFoundException') return undefined;
      if (errorName(error) === 'RepositoryPolicyNotFoundException') return {};
      throw this.#failure('reading', repositoryName, 'ecr:GetRepositoryPolicy', error);
    }
  }

  /**
   * Replaces the policy of a repository. Without `force`, ECR refuses a policy that would keep the caller from setting
   * another one.
   */
  async set(repositoryName: string, policyText: string): Promise<void> {
    const { SetRepositoryPolicyCommand } = await import('@aws-sdk/client-ecr');
    const command = new SetRepositoryPolicyCommand({ ...registryIdInput(this.#host), repositoryName, policyText });
    await (await this.#client).send(command).catch((error: unknown) => {
      throw this.#failure('setting', repositoryName, 'ecr:SetRepositoryPolicy', error);
    });
  }

  /** Deletes the policy of a repository: ECR does not take one without statements. */
  async delete(repositoryName: string): Promise<void> {
    const { DeleteRepositoryPolicyCommand } = await import('@aws-sdk/client-ecr');
    const command = new DeleteRepositoryPolicyCommand({ ...registryIdInput(this.#host), repositoryName });
    await (await this.#client).send(command).catch((error: unknown) => {
      if (errorName(error) === 'RepositoryPolicyNotFoundException') return;
      throw this.#failure('deleting', repositoryName, 'ecr:DeleteRepositoryPolicy', error);
    });
  }

  async close(): Promise<void> {
    await this.#client.then(
      (client) => client.destroy(),
      () => {},
    );
  }

  #failure(doing: string, repositoryName: string, permission: string, cause: unknown): AirgapError {
    const subject = `${this.#host.host}/${repositoryName}`;
    if (!isDenied(cause)) return awsError(subject, cause);
    return new AirgapError('forbidden', `the AWS credentials do not allow ${doing} its policy`, {
      subject,
      hint: `grant ${permission} on these repositories, or have the policies set by others: -o json prints them`,
      cause,
    });
  }
}
