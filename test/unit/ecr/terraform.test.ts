import { describe, expect, it } from 'vitest';
import { terraformDefinitions } from '../../../src/ecr/terraform.ts';
import { REPOSITORY_SETTINGS as settings } from '../../support/ecr/settings.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../support/hostile-text.ts';
import fc from '../../support/property.ts';

describe('definitions of repositories for Terraform', () => {
  it('have all settings and no interpolation', () => {
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

  it('are short without settings', () => {
    expect(terraformDefinitions(['m/a'], {})).toBe(`resource "aws_ecr_repository" "airgap" {
  for_each = toset([
    "m/a",
  ])

  name = each.value
}`);
  });
});

it('definitions for Terraform escape hostile texts', () => {
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
    }),
  );
});
