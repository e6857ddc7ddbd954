import { jsonText } from '../../base/printable.ts';
import { logicalId } from '../cloudformation.ts';
import { ECR_PUBLIC_REGION } from '../hosts.ts';
import { type PublicRepositorySettings, tagList } from '../settings.ts';
import { hclString } from '../terraform.ts';

const WHERE = `Repositories of ECR Public are created in ${ECR_PUBLIC_REGION} only`;

/**
 * Returns a CloudFormation template (JSON) with `AWS::ECR::PublicRepository` resources. Repositories are retained when
 * the stack is deleted. CloudFormation has no property for a logo. The output is deterministic.
 * @param names without the alias of the registry
 */
export function publicCloudFormationTemplate(names: readonly string[], settings: PublicRepositorySettings): string {
  const { catalogData, tags, repositoryPolicy } = settings;
  const common = {
    ...(catalogData && {
      RepositoryCatalogData: {
        RepositoryDescription: catalogData.description,
        Architectures: catalogData.architectures,
        OperatingSystems: catalogData.operatingSystems,
        AboutText: catalogData.aboutText,
        UsageText: catalogData.usageText,
      },
    }),
    ...(tags === undefined ? {} : { Tags: tagList(tags) }),
    ...(repositoryPolicy === undefined ? {} : { RepositoryPolicyText: JSON.parse(repositoryPolicy) as object }),
  };
  const resources = names.map((name) => [
    logicalId(name, names),
    {
      Type: 'AWS::ECR::PublicRepository',
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { RepositoryName: name, ...common },
    },
  ]);
  const template = { AWSTemplateFormatVersion: '2010-09-09', Description: WHERE };
  return jsonText({ ...template, Resources: Object.fromEntries(resources) }, 2);
}

/**
 * Returns Terraform definitions of repositories in ECR Public (HCL, resources of the aws provider). The output is
 * deterministic.
 * @param names without the alias of the registry
 */
export function publicTerraformDefinitions(names: readonly string[], settings: PublicRepositorySettings): string {
  const { catalogData, tags, repositoryPolicy } = settings;
  const catalog: readonly [string, string | readonly string[] | undefined][] = Object.entries({
    description: catalogData?.description,
    architectures: catalogData?.architectures,
    operating_systems: catalogData?.operatingSystems,
    about_text: catalogData?.aboutText,
    usage_text: catalogData?.usageText,
    logo_image_blob: catalogData?.logoImageBlob,
  });
  const tagLines = Object.entries(tags ?? {}).map(([key, value]) => `    ${hclString(key)} = ${hclString(value)}`);
  const repositories = [
    `# ${WHERE}: the provider's region must be ${ECR_PUBLIC_REGION}.`,
    'resource "aws_ecrpublic_repository" "airgap" {',
    '  for_each = toset([',
    ...names.map((name) => `    ${hclString(name)},`),
    '  ])',
    '',
    '  repository_name = each.value',
    ...(catalogData === undefined ? [] : ['', '  catalog_data {', ...attributes(catalog), '  }']),
    ...(tagLines.length === 0 ? [] : ['', '  tags = {', ...tagLines, '  }']),
    '}',
  ];
  const policies = [
    '',
    'resource "aws_ecrpublic_repository_policy" "airgap" {',
    '  for_each = aws_ecrpublic_repository.airgap',
    '',
    '  repository_name = each.value.repository_name',
    `  policy          = ${hclString(repositoryPolicy ?? '')}`,
    '}',
  ];
  return [...repositories, ...(repositoryPolicy === undefined ? [] : policies)].join('\n');
}

/** Returns lines of attributes, aligned as by `terraform fmt`. */
function attributes(entries: readonly (readonly [string, string | readonly string[] | undefined])[]): string[] {
  const given = entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  const width = Math.max(...given.map(([key]) => key.length));
  return given.map(([key, value]) => `    ${key.padEnd(width)} = ${hclValue(value)}`);
}

function hclValue(value: string | readonly string[]): string {
  return typeof value === 'string' ? hclString(value) : `[${value.map(hclString).join(', ')}]`;
}
