import { describe, expect, it } from 'vitest';
import { cloudFormationTemplate } from '../../../src/ecr/cloudformation.ts';
import { terraformDefinitions } from '../../../src/ecr/terraform.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../support/hostile-text.ts';
import fc from '../../support/property.ts';

/** Text that looks like a Terraform interpolation. */
const braces = `a "b" $\{c}`;

const settings = {
  immutable: true,
  except: ['dev-*'],
  kmsKey: 'alias/own',
  scanOnPush: true,
  tags: { team: braces },
  lifecyclePolicy: '{"rules":[]}',
  repositoryPolicy: '{"Version":"2012-10-17"}',
};

describe('definitions of repositories', () => {
  it('for Terraform have all settings and no interpolation', () => {
    expect(terraformDefinitions(['m/a', 'm/b'], settings)).toBe(`locals {
  airgap_lifecycle_policy = "{\\"rules\\":[]}"
  airgap_repository_policy = "{\\"Version\\":\\"2012-10-17\\"}"
}

resource "aws_ecr_repository" "airgap" {
  for_each = toset([
    "m/a",
    "m/b",
  ])

  name                 = each.value
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"

  image_tag_mutability_exclusion_filter {
    filter      = "dev-*"
    filter_type = "WILDCARD"
  }

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = "alias/own"
  }

  tags = {
    "team" = "a \\"b\\" $\${c}"
  }
}

resource "aws_ecr_lifecycle_policy" "airgap" {
  for_each = aws_ecr_repository.airgap

  repository = each.value.name
  policy     = local.airgap_lifecycle_policy
}

resource "aws_ecr_repository_policy" "airgap" {
  for_each = aws_ecr_repository.airgap

  repository = each.value.name
  policy     = local.airgap_repository_policy
}`);
  });

  it('for Terraform are short without settings', () => {
    expect(terraformDefinitions(['m/a'], {})).toBe(`resource "aws_ecr_repository" "airgap" {
  for_each = toset([
    "m/a",
  ])

  name = each.value
}`);
  });

  it('for CloudFormation have all settings, and are retained with the stack', () => {
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
        Tags: [{ Key: 'team', Value: braces }],
        LifecyclePolicy: { LifecyclePolicyText: '{"rules":[]}' },
        RepositoryPolicyText: { Version: '2012-10-17' },
      },
    });
  });
});

it('definitions escape hostile texts', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (name, tag) => {
      const hcl = terraformDefinitions([name], { ...settings, tags: { [tag]: name } });
      // Without its strings the file is unchanged, and no string contains an interpolation.
      const strings = [...hcl.matchAll(/"((?:[^"\\\n]|\\["\\nrt]|\\u[0-9a-f]{4})*)"/g)].map(([, text = '']) => text);
      const bare = hcl.replace(/"((?:[^"\\\n]|\\["\\nrt]|\\u[0-9a-f]{4})*)"/g, '""');
      expect(bare).toBe(
        terraformDefinitions(['x'], { ...settings, tags: { x: 'x' } }).replace(/"(?:[^"\\\n]|\\.)*"/g, '""'),
      );
      // As HCL scans (hclsyntax/scan_tokens.rl): `$${` is not an interpolation, and a `$` without a brace is literal.
      for (const text of strings) expect(text.replace(/\$\$\{|%%\{|[$%](?!\{)/g, '')).not.toMatch(/[$%]\{/);
      expect(hcl).not.toMatch(CONTROL_CHARACTERS);
      const stack = cloudFormationTemplate([name], { ...settings, tags: { [tag]: name } });
      expect(stack).not.toMatch(CONTROL_CHARACTERS);
      const [resource] = Object.values(JSON.parse(stack).Resources) as { Properties: object }[];
      expect(resource?.Properties).toMatchObject({ RepositoryName: name });
    }),
  );
});
