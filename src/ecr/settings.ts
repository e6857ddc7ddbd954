import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import type { CatalogData } from './public/catalog-data.ts';

/** Settings of new repositories. Existing ones are not changed unless they are reconciled. */
export interface RepositorySettings {
  /** True for immutable tags. Default: that of ECR or the registry. */
  readonly immutable?: boolean;
  /** Patterns of tags that stay mutable (immutable without `immutable`), with `*`; at most five (API reference). */
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
export function hasSettings(settings: object): boolean {
  return Object.values(settings).some((value) => value !== undefined);
}

/** Lays settings over others, field by field. Immutability and its exceptions are one setting, and so is each field of catalog data. */
export function overlaid(below: TargetSettings | undefined, above: TargetSettings): TargetSettings {
  if (below === undefined) return above;
  const given = Object.entries(above).filter(([, value]) => value !== undefined);
  const { immutable, except, ...rest } = below;
  const tags = above.immutable === undefined ? { immutable, except } : {};
  const catalogData = { ...below.catalogData, ...above.catalogData };
  return {
    ...rest,
    ...tags,
    ...Object.fromEntries(given),
    ...(hasSettings(catalogData) && { catalogData }),
  };
}

/** Which tags of a repository can be overwritten. */
export interface TagMutability {
  readonly immutable: boolean;
  /** Patterns of tags for which the opposite holds, with `*`. */
  readonly except: readonly string[];
}

type MutabilityInput = Required<Pick<Input, 'imageTagMutability'>> & Pick<Input, 'imageTagMutabilityExclusionFilters'>;

/** Returns tag mutability as API input. */
export function mutabilityInput({ immutable, except }: TagMutability): MutabilityInput {
  if (except.length === 0) return { imageTagMutability: immutable ? 'IMMUTABLE' : 'MUTABLE' };
  const imageTagMutabilityExclusionFilters = except.map((filter) => ({ filterType: 'WILDCARD' as const, filter }));
  const imageTagMutability = immutable ? 'IMMUTABLE_WITH_EXCLUSION' : 'MUTABLE_WITH_EXCLUSION';
  return { imageTagMutability, imageTagMutabilityExclusionFilters };
}

/** Returns the tag mutability of settings as API input; undefined when it is not set. */
export function mutabilityOf({ immutable = false, except = [] }: RepositorySettings): MutabilityInput | undefined {
  return immutable || except.length > 0 ? mutabilityInput({ immutable, except }) : undefined;
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
