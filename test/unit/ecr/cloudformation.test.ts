import { expect, it } from 'vitest';
import { cloudFormationTemplate } from '../../../src/ecr/cloudformation.ts';
import { REPOSITORY_SETTINGS as settings } from '../../support/ecr/settings.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../support/hostile-text.ts';
import fc from '../../support/property.ts';

it('definitions for CloudFormation have all settings, and are retained with the stack', () => {
  const { Resources } = JSON.parse(cloudFormationTemplate(['m/a-b', 'm/a.b'], settings));
  expect(Object.keys(Resources)).toEqual(['MAB', 'MABZ2']);
  expect(Resources.MAB).toEqual({
    Type: 'AWS::ECR::Repository',
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      RepositoryName: 'm/a-b',
      ImageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      ImageTagMutabilityExclusionFilters: [
        { ImageTagMutabilityExclusionFilterType: 'WILDCARD', ImageTagMutabilityExclusionFilterValue: 'dev-*' },
      ],
      ImageScanningConfiguration: { ScanOnPush: true },
      EncryptionConfiguration: { EncryptionType: 'KMS', KmsKey: 'alias/own' },
      Tags: [{ Key: 'team', Value: settings.tags.team }],
      LifecyclePolicy: { LifecyclePolicyText: '{"rules":[]}' },
      RepositoryPolicyText: { Version: '2012-10-17' },
    },
  });
});

it('definitions for CloudFormation escape hostile texts', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (name, tag) => {
      const stack = cloudFormationTemplate([name], { ...settings, tags: { [tag]: name } });
      expect(stack).not.toMatch(CONTROL_CHARACTERS);
      const [resource] = Object.values(JSON.parse(stack).Resources) as { Properties: object }[];
      expect(resource?.Properties).toMatchObject({ RepositoryName: name });
    }),
  );
});
