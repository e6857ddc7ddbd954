import { jsonText } from '../base/printable.ts';
import { hasSettings, type RepositorySettings } from './settings.ts';

/**
 * Returns Terraform definitions of repositories (HCL, resources of the aws provider), for creating them outside of this
 * program. The output is deterministic.
 */
export function terraformDefinitions(names: readonly string[], settings: RepositorySettings): string {
  const { lifecyclePolicy, repositoryPolicy } = settings;
  const locals = [
    ...(lifecyclePolicy === undefined ? [] : [`  airgap_lifecycle_policy = ${hclString(lifecyclePolicy)}`]),
    ...(repositoryPolicy === undefined ? [] : [`  airgap_repository_policy = ${hclString(repositoryPolicy)}`]),
  ];
  const blocks = [
    `resource "aws_ecr_repository" "airgap" {
  for_each = toset([
${names.map((name) => `    ${hclString(name)},`).join('\n')}
  ])

  ${settings.immutable ? 'name                ' : 'name'} = each.value${hasSettings(settings) ? `\n${attributes(settings)}` : ''}
}`,
    ...(lifecyclePolicy === undefined ? [] : [policyResource('aws_ecr_lifecycle_policy', 'airgap_lifecycle_policy')]),
    ...(repositoryPolicy === undefined
      ? []
      : [policyResource('aws_ecr_repository_policy', 'airgap_repository_policy')]),
  ];
  return [...(locals.length === 0 ? [] : [`locals {\n${locals.join('\n')}\n}`]), ...blocks].join('\n\n');
}

function attributes({ immutable, except = [], kmsKey, scanOnPush, tags }: RepositorySettings): string {
  const isExcept = immutable && except.length > 0;
  const filters = except.map(
    (filter) => `
  image_tag_mutability_exclusion_filter {
    filter      = ${hclString(filter)}
    filter_type = "WILDCARD"
  }`,
  );
  const lines = [
    ...(immutable ? [`  image_tag_mutability = "${isExcept ? 'IMMUTABLE_WITH_EXCLUSION' : 'IMMUTABLE'}"`] : []),
    ...(isExcept ? filters : []),
    ...(scanOnPush === undefined ? [] : [`\n  image_scanning_configuration {\n    scan_on_push = ${scanOnPush}\n  }`]),
    ...(kmsKey === undefined
      ? []
      : [
          `\n  encryption_configuration {\n    encryption_type = "KMS"\n    kms_key         = ${hclString(kmsKey)}\n  }`,
        ]),
    ...(tags === undefined
      ? []
      : [
          `\n  tags = {\n${Object.entries(tags)
            .map(([key, value]) => `    ${hclString(key)} = ${hclString(value)}`)
            .join('\n')}\n  }`,
        ]),
  ];
  return lines.join('\n');
}

function policyResource(type: string, local: string): string {
  return `resource "${type}" "airgap" {
  for_each = aws_ecr_repository.airgap

  repository = each.value.name
  policy     = local.${local}
}`;
}

/** Returns an HCL string: JSON escapes except those for backspace and form feed, and no interpolation. */
export function hclString(value: string): string {
  const escapes: Readonly<Record<string, string>> = { '\\b': '\\u0008', '\\f': '\\u000c' };
  return jsonText(value)
    .replace(/\\./g, (pair) => escapes[pair] ?? pair)
    .replace(/([$%])\{/g, '$1$1{');
}
