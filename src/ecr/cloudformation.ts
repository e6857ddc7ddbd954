import { jsonText } from '../base/printable.ts';
import { mutabilityOf, type RepositorySettings, tagList } from './settings.ts';

/**
 * Returns a CloudFormation template (JSON) with `AWS::ECR::Repository` resources, for creating repositories outside of
 * this program. Repositories are retained when the stack is deleted. The output is deterministic.
 */
export function cloudFormationTemplate(names: readonly string[], settings: RepositorySettings): string {
  const { kmsKey, scanOnPush, tags, lifecyclePolicy, repositoryPolicy } = settings;
  const mutability = mutabilityOf(settings);
  const common = {
    ...(mutability === undefined ? {} : { ImageTagMutability: mutability.imageTagMutability }),
    ...(mutability?.imageTagMutabilityExclusionFilters === undefined
      ? {}
      : {
          ImageTagMutabilityExclusionFilters: mutability.imageTagMutabilityExclusionFilters.map(
            ({ filterType, filter }) => ({
              ImageTagMutabilityExclusionFilterType: filterType,
              ImageTagMutabilityExclusionFilterValue: filter,
            }),
          ),
        }),
    ...(scanOnPush === undefined ? {} : { ImageScanningConfiguration: { ScanOnPush: scanOnPush } }),
    ...(kmsKey === undefined ? {} : { EncryptionConfiguration: { EncryptionType: 'KMS', KmsKey: kmsKey } }),
    ...(tags === undefined ? {} : { Tags: tagList(tags) }),
    ...(lifecyclePolicy === undefined ? {} : { LifecyclePolicy: { LifecyclePolicyText: lifecyclePolicy } }),
    ...(repositoryPolicy === undefined ? {} : { RepositoryPolicyText: JSON.parse(repositoryPolicy) as object }),
  };
  const resources = Object.fromEntries(
    names.map((name) => [
      logicalId(name, names),
      {
        Type: 'AWS::ECR::Repository',
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: { RepositoryName: name, ...common },
      },
    ]),
  );
  return jsonText({ AWSTemplateFormatVersion: '2010-09-09', Resources: resources }, 2);
}

/** Returns a logical id, which may contain only letters and digits. Duplicates get a number. */
export function logicalId(name: string, names: readonly string[]): string {
  const alphanumeric = (text: string): string =>
    text
      .split(/[^a-z0-9]+/)
      .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
      .join('');
  const duplicates = names
    .slice(0, names.indexOf(name))
    .filter((other) => alphanumeric(other) === alphanumeric(name)).length;
  return `${alphanumeric(name)}${duplicates === 0 ? '' : `Z${duplicates + 1}`}`;
}
