import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import type { CatalogData } from './public/catalog-data.ts';

/** Settings of new repositories. Existing ones are not changed unless they are reconciled. */
export interface RepositorySettings {
  /** True for immutable tags. Default: that of ECR or the registry. */
  readonly immutable?: boolean;
  /** Patterns of tags that stay mutable, with `*`; at most five (API reference). */
  readonly except?: readonly string[];
  /** ARN, id or alias of a KMS key; `aws/ecr` for the AWS managed key. Default: AES-256 without KMS. */
  readonly kmsKey?: string;
  readonly scanOnPush?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly lifecyclePolicy?: string;
  /** JSON text. */
  readonly repositoryPolicy?: string;
}

/** Settings of new repositories in ECR Public, which has no others. */
export interface PublicRepositorySettings extends Pick<RepositorySettings, 'tags' | 'repositoryPolicy'> {
  /** Shown in the Amazon ECR Public Gallery. */
  readonly catalogData?: CatalogData;
}

/** Settings for any target; each kind of registry takes its own. */
export interface TargetSettings extends RepositorySettings, PublicRepositorySettings {}

type Input = CreateRepositoryCommandInput;

/** Reports whether any setting is given. */
export function hasSettings(settings: TargetSettings): boolean {
  return Object.values(settings).some((value) => value !== undefined);
}

/** Returns the tag mutability as API input; undefined when it is not set. */
export function mutabilityOf({
  immutable,
  except = [],
}: RepositorySettings): Pick<Input, 'imageTagMutability' | 'imageTagMutabilityExclusionFilters'> | undefined {
  if (!immutable) return undefined;
  if (except.length === 0) return { imageTagMutability: 'IMMUTABLE' };
  const filters = except.map((filter) => ({ filterType: 'WILDCARD' as const, filter }));
  return { imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', imageTagMutabilityExclusionFilters: filters };
}

/** Returns tags as API input. */
export function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Returns the input of CreateRepository. Policies are set by separate calls. */
export function createRepositoryInput(name: string, settings: RepositorySettings): Omit<Input, 'registryId'> {
  const { kmsKey, scanOnPush, tags } = settings;
  return {
    repositoryName: name,
    ...mutabilityOf(settings),
    ...(scanOnPush === undefined ? {} : { imageScanningConfiguration: { scanOnPush } }),
    ...(kmsKey === undefined ? {} : { encryptionConfiguration: { encryptionType: 'KMS', kmsKey } }),
    ...(tags === undefined ? {} : { tags: tagList(tags) }),
  };
}
