import { join, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import type { Context } from '../../session/context.ts';
import type { ToolSources } from '../../workflows/bundle/tools/tools.ts';
import type { Configuration } from './configuration.ts';
import { type FlagsOf, flagGroup, repeatable } from './option.ts';

/** Adds the flags for what a bundle carries besides charts and images. */
export const addToolFlags = flagGroup((command) =>
  command
    .option('--include-plugin', 'add the archives of this plugin for the platforms, in tools/ of the bundle')
    .option('--packages <folder>', "folder of the plugin's archives and SHA256SUMS; default: packages of the plugin")
    .addOption(repeatable('--include-helm <file>', 'add a Helm program or release archive, in tools/')),
);

type ToolFlags = FlagsOf<typeof addToolFlags>;

/**
 * Returns the tools to bundle. Flags take precedence over the configuration file; its list follows theirs.
 * @throws AirgapError `usage`
 */
export function toolSources(
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
  { includePlugin, packages, includeHelm }: ToolFlags,
  { config, folder }: Pick<Configuration, 'config' | 'folder'>,
): ToolSources {
  const helm = [
    ...includeHelm.map((path) => resolve(cwd, path)),
    ...config.includeHelm.map((path) => resolve(folder, path)),
  ];
  if (!(includePlugin ?? config.includePlugin)) {
    if (packages === undefined) return { helm };
    throw new AirgapError('usage', '--packages needs --include-plugin', { hint: 'add --include-plugin' });
  }
  if (packages !== undefined) return { packages: resolve(cwd, packages), helm };
  if (config.packages !== undefined) return { packages: resolve(folder, config.packages), helm };
  // Set by Helm.
  if (env.HELM_PLUGIN_DIR) return { packages: join(env.HELM_PLUGIN_DIR, 'packages'), helm };
  throw new AirgapError('usage', '--include-plugin does not know where the archives are: HELM_PLUGIN_DIR is not set', {
    hint: 'name their folder with --packages',
  });
}
