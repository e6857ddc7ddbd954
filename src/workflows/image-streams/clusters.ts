import type { Keychain } from '../../auth/keychain.ts';
import { AirgapError } from '../../base/errors.ts';
import { runStep } from '../../base/step.ts';
import type { ManifestSource } from '../../manifests/index.ts';
import {
  ADDRESS_KINDS,
  type AddressObject,
  addressesIn,
  askRegistryAddresses,
  type Cluster,
  type ClusterLoginContext,
  clusterKeychain,
  publicHostsIn,
  type RegistryAddresses,
  type RegistryRoute,
  readExport,
} from '../../openshift/index.ts';

/** What a cluster says of its registry. */
export interface ClusterRegistry {
  /** Objects that name its addresses. */
  readonly objects: readonly AddressObject[];
  /** Logins to its public route. */
  readonly logins: readonly Keychain[];
}

/** Flags of a cluster, for messages. */
const FLAGS = {
  source: { kubeconfig: '--source-kubeconfig', route: '--registry-route' },
  destination: { kubeconfig: '--destination-kubeconfig', route: '--destination-route' },
} as const;

/**
 * Asks the source cluster for the addresses of its registry. The token of the kubeconfig is for the route that the cluster
 * names, or the user; never for one of an export.
 * @throws AirgapError `cluster`; `config`, `usage` of the addresses
 */
export async function readSourceCluster(
  context: ClusterLoginContext,
  cluster: Cluster,
  given: readonly RegistryRoute[],
): Promise<ClusterRegistry> {
  const objects = await ask(context, cluster, 'source');
  const { route } = addressesIn(objects, given);
  const logins = route === undefined ? [] : [clusterKeychain(context, cluster, route, FLAGS.source.kubeconfig)];
  return { objects, logins };
}

/**
 * Returns the logins of a destination cluster to those targets that are its registry.
 * @param targets hosts
 * @throws AirgapError `usage` if none is; `cluster`
 */
export async function destinationLogins(
  context: ClusterLoginContext,
  cluster: Cluster,
  targets: readonly string[],
): Promise<Keychain[]> {
  const flag = FLAGS.destination.kubeconfig;
  const hosts = publicHostsIn(await ask(context, cluster, 'destination'));
  const own = targets.filter((target) => hosts.includes(target.toLowerCase().replace(/:443$/, '')));
  if (own.length > 0) return own.map((target) => clusterKeychain(context, cluster, target.toLowerCase(), flag));
  const what = hosts.length === 0 ? 'has no public host' : `is ${hosts.join(' and ')}, which is no target`;
  throw new AirgapError('usage', `${flag}: the registry of this cluster ${what}`, {
    hint:
      hosts.length === 0
        ? 'expose it (spec.defaultRoute of configs.imageregistry.operator.openshift.io), or leave the flag out and log in'
        : `copy to it: --to ${hosts[0]}`,
  });
}

export interface DestinationOptions {
  /** Exports of the destination's configuration. */
  readonly configs: readonly ManifestSource<'image-streams'>[];
  readonly cluster?: Cluster;
  readonly routes: readonly RegistryRoute[];
}

/**
 * Finds the addresses of the destination's registry.
 * @throws AirgapError `usage` if nothing about it is given; `config`, `cluster`, `file`
 */
export async function destinationAddresses(
  context: ClusterLoginContext,
  { configs, cluster, routes }: DestinationOptions,
): Promise<RegistryAddresses> {
  if (configs.length + routes.length === 0 && cluster === undefined) {
    throw new AirgapError('usage', 'the registry of the destination is not known', {
      hint: 'give one of --destination-config FILE, --destination-kubeconfig FILE and --destination-route INTERNAL=PUBLIC',
    });
  }
  const exported = await readExport(context, configs, (kind) => ADDRESS_KINDS.has(kind));
  const asked = cluster === undefined ? [] : await ask(context, cluster, 'destination');
  return addressesIn([...exported, ...asked], routes, FLAGS.destination.route);
}

function ask(context: ClusterLoginContext, cluster: Cluster, side: keyof typeof FLAGS): Promise<AddressObject[]> {
  return runStep(context.emit, `asking the ${side} cluster for its registry`, () =>
    askRegistryAddresses(context, cluster, `the ${side} cluster`, FLAGS[side].route),
  );
}
