import { expect, it } from 'vitest';
import { publicCloudFormationTemplate, publicTerraformDefinitions } from '../../../../src/ecr/public/definitions.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

const settings = {
  tags: { team: `a "b" $\{c}` },
  repositoryPolicy: '{"Version":"2012-10-17"}',
  catalogData: { description: 'Charts', architectures: ['x86-64', 'ARM 64'], usageText: 'a\nb' },
} as const;

it('definitions for Terraform have all settings', () => {
  expect(
    publicTerraformDefinitions(['m/a', 'm/b'], settings),
  ).toBe(`# Repositories of ECR Public are created in us-east-1 only: the provider's region must be us-east-1.
resource "aws_ecrpublic_repository" "airgap" {
  for_each = toset([
    "m/a",
    "m/b",
  ])

  repository_name = each.value

  catalog_data {
    description   = "Charts"
    architectures = ["x86-64", "ARM 64"]
    usage_text    = "a\\nb"
  }

  tags = {
    "team" = "a \\"b\\" $\${c}"
  }
}

resource "aws_ecrpublic_repository_policy" "airgap" {
  for_each = aws_ecrpublic_repository.airgap

  repository_name = each.value.repository_name
  policy          = "{\\"Version\\":\\"2012-10-17\\"}"
}`);
});

it('definitions for CloudFormation have all settings but a logo', () => {
  const catalogData = { ...settings.catalogData, logoImageBlob: 'bG9nbw==' };
  const { Description, Resources } = JSON.parse(publicCloudFormationTemplate(['m/a'], { ...settings, catalogData }));
  expect(Description).toContain('us-east-1');
  expect(Resources).toEqual({
    MA: {
      Type: 'AWS::ECR::PublicRepository',
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        RepositoryName: 'm/a',
        RepositoryCatalogData: {
          RepositoryDescription: 'Charts',
          Architectures: ['x86-64', 'ARM 64'],
          UsageText: 'a\nb',
        },
        Tags: [{ Key: 'team', Value: settings.tags.team }],
        RepositoryPolicyText: { Version: '2012-10-17' },
      },
    },
  });
});

it('definitions escape hostile texts', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (name, text) => {
      const given = { ...settings, catalogData: { description: text } };
      const hcl = publicTerraformDefinitions([name], given);
      for (const [, string = ''] of hcl.matchAll(/"((?:[^"\\\n]|\\.)*)"/g))
        expect(string.replace(/\$\$\{|%%\{|[$%](?!\{)/g, '')).not.toMatch(/[$%]\{/);
      expect(hcl + publicCloudFormationTemplate([name], given)).not.toMatch(CONTROL_CHARACTERS);
    }),
  );
});
