import { cloudFormationTemplate } from './cloudformation.ts';
import type { EcrKind } from './hosts.ts';
import { splitPublicPath } from './public/aliases.ts';
import { publicCloudFormationTemplate, publicTerraformDefinitions } from './public/definitions.ts';
import type { TargetSettings } from './settings.ts';
import { terraformDefinitions } from './terraform.ts';

/**
 * Returns definitions of repositories, for creating them outside of this program.
 * @param paths in the registry
 */
export function repositoryDefinitions(
  format: 'terraform' | 'cloudformation',
  kind: EcrKind,
  paths: readonly string[],
  settings: TargetSettings,
): string {
  const isTerraform = format === 'terraform';
  if (kind === 'private') {
    const { catalogData: _, ...own } = settings;
    return isTerraform ? terraformDefinitions(paths, own) : cloudFormationTemplate(paths, own);
  }
  const names = [...new Set(paths.map((path) => splitPublicPath(path).name))];
  return isTerraform ? publicTerraformDefinitions(names, settings) : publicCloudFormationTemplate(names, settings);
}
