import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';

/** How a repository is created that is not there yet. Existing ones are left as they are, unless they are reconciled. */
export interface RepositorySettings {
  /** Tags cannot be moved. Default: ECR's, or that of the registry. */
  readonly immutable?: boolean;
  /** Patterns of tags that can be moved all the same, with `*`; five at most (API reference). */
  readonly except?: readonly string[];
  /** ARN, id or alias of a KMS key; `aws/ecr` for the one that AWS manages. Default: AES-256 without KMS. */
  readonly kmsKey?: string;
  readonly scanOnPush?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  /** JSON texts. */
  readonly lifecyclePolicy?: string;
  readonly repositoryPolicy?: string;
}

type Input = CreateRepositoryCommandInput;

/** Whether anything is asked for. */
export function hasSettings(settings: RepositorySettings): boolean {
  return Object.values(settings).some((value) => value !== undefined);
}

/** Mutability as the API has it; undefined when nothing is asked for. */
export function mutabilityOf({
  immutable,
  except = [],
}: RepositorySettings): Pick<Input, 'imageTagMutability' | 'imageTagMutabilityExclusionFilters'> | undefined {
  if (!immutable) return undefined;
  if (except.length === 0) return { imageTagMutability: 'IMMUTABLE' };
  const filters = except.map((filter) => ({ filterType: 'WILDCARD' as const, filter }));
  return { imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', imageTagMutabilityExclusionFilters: filters };
}

/** Tags as the API has them. */
export function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** What CreateRepository is given. The policies are separate calls. */
export function creationOf(name: string, settings: RepositorySettings): Omit<Input, 'registryId'> {
  const { kmsKey, scanOnPush, tags } = settings;
  return {
    repositoryName: name,
    ...mutabilityOf(settings),
    ...(scanOnPush === undefined ? {} : { imageScanningConfiguration: { scanOnPush } }),
    ...(kmsKey === undefined ? {} : { encryptionConfiguration: { encryptionType: 'KMS', kmsKey } }),
    ...(tags === undefined ? {} : { tags: tagList(tags) }),
  };
}
