import type { Keychain } from '../../auth/keychain.ts';
import type { Cluster } from '../../openshift/index.ts';
import type { Context } from '../../session/context.ts';
import { type FlagsOf, flagGroup } from './option.ts';

/** Adds flags for the cluster from which images are read. */
export const addSourceClusterFlags = flagGroup((command) =>
  command
    .option('--source-kubeconfig <file>', 'ask this cluster for its registry, and log in to it with its token')
    .option('--source-context <name>', 'context of that kubeconfig (default: the current one)'),
);

type SourceClusterFlags = FlagsOf<typeof addSourceClusterFlags>;

/** Adds flags for the cluster to which images are copied. */
export const addDestinationClusterFlags = flagGroup((command) =>
  command
    .option(
      '--destination-kubeconfig <file>',
      'ask the destination cluster for its registry, and log in to it with its token',
    )
    .option('--destination-context <name>', 'context of that kubeconfig (default: the current one)'),
);

type DestinationClusterFlags = FlagsOf<typeof addDestinationClusterFlags>;

/** Returns undefined without flags of the source cluster. */
export function sourceCluster({ sourceKubeconfig, sourceContext }: Partial<SourceClusterFlags>): Cluster | undefined {
  return clusterOf(sourceKubeconfig, sourceContext);
}

/** Returns undefined without flags of the destination cluster. */
export function destinationCluster({
  destinationKubeconfig,
  destinationContext,
}: Partial<DestinationClusterFlags>): Cluster | undefined {
  return clusterOf(destinationKubeconfig, destinationContext);
}

/**
 * Returns the logins of the destination cluster to the targets that are its registry.
 * @param targets hosts
 * @throws AirgapError `usage` if none is; `cluster`
 */
export async function destinationLoginsOf(
  context: Context,
  flags: Partial<DestinationClusterFlags>,
  targets: readonly string[],
): Promise<readonly Keychain[]> {
  const cluster = destinationCluster(flags);
  if (cluster === undefined) return [];
  const { destinationLogins } = await import('../../workflows/image-streams/clusters.ts');
  return destinationLogins(context, cluster, targets);
}

function clusterOf(kubeconfig: string | undefined, context: string | undefined): Cluster | undefined {
  if (kubeconfig === undefined && context === undefined) return undefined;
  return { ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }) };
}
