import type { Keychain } from '../../auth/keychain.ts';
import { AirgapError } from '../../base/errors.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { manifestSource, STANDARD_INPUT } from '../../manifests/source.ts';
import type { RegistryRoute } from '../../openshift/registry-addresses.ts';
import type { ClusterRegistry } from '../../workflows/image-streams/clusters.ts';
import type { ImageStreamOptions } from '../../workflows/image-streams/plan.ts';
import type { Config } from '../config/schema.ts';
import type { CommandIO } from '../run.ts';
import { addSourceClusterFlags, sourceCluster } from './clusters.ts';
import { type FlagsOf, flagGroup, givenFlags, repeatable } from './option.ts';
import type { NamingFlags } from './target.ts';

/** Adds flags for the internal registry of OpenShift, and for tags of image streams that are left out by default. */
export const addStreamSelectionFlags = flagGroup((command) =>
  addSourceClusterFlags(command)
    .addOption(
      repeatable(
        '--registry-route <from=to>',
        'public host of the internal registry, by its address inside the cluster',
      ),
    )
    .option('--include-public', 'also take tags that workloads pull from a registry outside the cluster')
    .option('--include-platform', 'also take tags of namespaces of the platform, such as openshift'),
);

type StreamSelectionFlags = FlagsOf<typeof addStreamSelectionFlags>;

/** Adds flags that name exported image streams of OpenShift. */
export const addImageStreamFlags = flagGroup((command) =>
  addStreamSelectionFlags(
    command
      .optionsGroup('Image streams of OpenShift:')
      .addOption(
        repeatable(
          '--image-streams <path>',
          'add tags of exported image streams that have to be moved: file or folder',
        ),
      ),
  ),
);

export type ImageStreamFlags = FlagsOf<typeof addImageStreamFlags>;

/** Other flags and keys that may read standard input. */
interface OtherInput {
  readonly pods?: string;
  readonly manifests?: readonly string[];
  readonly registryLogin?: unknown;
}

type StreamConfig = Pick<Config, 'imageStreams' | 'registryRoutes' | 'includePublic' | 'includePlatform'>;

/** Images of exported image streams. */
interface ReadImageStreams {
  readonly imageStreams: readonly LocatedReference[];
  /** Public host by which they are read; absent without any. */
  readonly imageStreamRoute?: string;
  /** Public hosts that the user gave, not the export. */
  readonly givenRoutes: readonly string[];
  /** Logins of the source cluster. */
  readonly clusterLogins: readonly Keychain[];
}

/**
 * Reads the tags of image streams that have to be moved. Their reader is loaded only for them.
 * @param folder of the configuration file
 * @throws AirgapError `usage` without a route to the internal registry, for standard input that is used twice, and for flags
 *   without image streams; errors of the reader
 */
export async function readImageStreams(
  io: CommandIO,
  flags: Partial<ImageStreamFlags> & OtherInput,
  config: StreamConfig & Pick<Config, 'manifests'>,
  folder: string,
): Promise<ReadImageStreams> {
  const { imageStreams: paths, registryRoute = [] } = flags;
  // Commands without the flag leave the key of the file to others.
  if (paths === undefined) return { imageStreams: [], givenRoutes: [], clusterLogins: [] };
  if (paths.length + config.imageStreams.length === 0) {
    return { imageStreams: [], ...(await readClusterAlone(io, { ...flags, registryRoute })) };
  }
  const manifests = [...(flags.manifests ?? []), ...config.manifests];
  const { clusterLogins, ...options } = await imageStreamOptions(
    io,
    { ...flags, manifests, registryRoute },
    paths,
    config,
    folder,
  );
  const { imageStreamReferences } = await import('../../workflows/image-streams/references.ts');
  const { references, route } = await imageStreamReferences(io.context, options);
  const givenRoutes = options.registryRoutes.map((given) => given.route);
  return {
    imageStreams: references,
    givenRoutes,
    clusterLogins,
    ...(route !== undefined && { imageStreamRoute: route }),
  };
}

/**
 * Returns the options of flags and configuration file. Standard input is read, and the source cluster asked, here.
 * @param paths of the command line
 * @param folder of the configuration file
 * @throws AirgapError `usage`, `config` for an invalid route; `cluster`
 */
export async function imageStreamOptions(
  io: CommandIO,
  flags: StreamSelectionFlags & OtherInput,
  paths: readonly string[],
  config: StreamConfig,
  folder: string,
): Promise<ImageStreamOptions & Pick<ReadImageStreams, 'clusterLogins'>> {
  const { parseRegistryRoute } = await import('../../openshift/registry-addresses.ts');
  const sources = [
    ...paths.map((path) => manifestSource('image-streams', path, io.context.cwd)),
    ...config.imageStreams.map((path) => manifestSource('image-streams', path, folder)),
  ];
  const distinct = [...new Map(sources.map((source) => [source.path, source])).values()];
  const usesInput = distinct.some(({ path }) => path === STANDARD_INPUT);
  if (usesInput) refuseSharedInput(flags);
  const input = usesInput ? await io.readInput() : undefined;
  const registryRoutes = [
    ...flags.registryRoute.map((text) => parseRegistryRoute(text)),
    ...Object.entries(config.registryRoutes).map(([internal, route]) =>
      parseRegistryRoute(`${internal}=${route}`, 'registryRoutes'),
    ),
  ];
  const asked = await askSourceCluster(io, flags, registryRoutes);
  return {
    sources: distinct.map((source) => (source.path === STANDARD_INPUT && input ? { ...source, input } : source)),
    registryRoutes,
    ...(asked && { clusterObjects: asked.objects }),
    clusterLogins: asked?.logins ?? [],
    includePublic: flags.includePublic ?? config.includePublic ?? false,
    includePlatform: flags.includePlatform ?? config.includePlatform ?? false,
  };
}

/** Asks the source cluster, if one is given. */
async function askSourceCluster(
  { context }: CommandIO,
  flags: Partial<StreamSelectionFlags>,
  given: readonly RegistryRoute[],
): Promise<ClusterRegistry | undefined> {
  const cluster = sourceCluster(flags);
  if (cluster === undefined) return undefined;
  const { readSourceCluster } = await import('../../workflows/image-streams/clusters.ts');
  return readSourceCluster(context, cluster, given);
}

/** Returns the login to the source cluster for lists of its images, such as those of skopeo sync. */
async function readClusterAlone(
  io: CommandIO,
  flags: Partial<StreamSelectionFlags> & Pick<StreamSelectionFlags, 'registryRoute'>,
): Promise<Pick<ReadImageStreams, 'givenRoutes' | 'clusterLogins'>> {
  refuseAlone(flags);
  if (sourceCluster(flags) === undefined) return { givenRoutes: [], clusterLogins: [] };
  const { parseRegistryRoute } = await import('../../openshift/registry-addresses.ts');
  const routes = flags.registryRoute.map((text) => parseRegistryRoute(text));
  const asked = await askSourceCluster(io, flags, routes);
  return { givenRoutes: routes.map(({ route }) => route), clusterLogins: asked?.logins ?? [] };
}

function refuseSharedInput({ pods, manifests = [], registryLogin }: OtherInput): void {
  const others = givenFlags({
    '--pods -': pods === STANDARD_INPUT,
    '--manifests -': manifests.includes(STANDARD_INPUT),
    '--registry-password-stdin': registryLogin !== undefined,
  });
  if (others.length === 0) return;
  throw new AirgapError('usage', `--image-streams - cannot be used with ${others.join(', ')}`, {
    hint: 'write the image streams to a file: oc get imagestreams,buildconfigs -A -o yaml > streams.yaml',
  });
}

/** @throws AirgapError `usage` for flags that mean nothing without image streams */
function refuseAlone(flags: Partial<StreamSelectionFlags>): void {
  const { registryRoute = [], includePublic, includePlatform } = flags;
  const given = givenFlags({
    '--registry-route': registryRoute.length > 0 && sourceCluster(flags) === undefined,
    '--include-public': includePublic === true,
    '--include-platform': includePlatform === true,
  });
  if (given.length === 0) return;
  throw new AirgapError('usage', `${given.join(', ')} without --image-streams`, {
    hint: 'name the exported image streams: --image-streams FOLDER',
  });
}

/**
 * Returns the naming with which the images of image streams are `NAMESPACE/STREAM` in the target: the registry of OpenShift
 * has no other names. A naming that the user chooses is left as it is; rules of the user go before.
 * @param route host by which the images are read
 */
export function streamNaming(
  naming: Config['naming'],
  flags: Pick<NamingFlags, 'naming'>,
  route: string | undefined,
): Config['naming'] {
  if (route === undefined || flags.naming !== undefined || naming?.default !== undefined) return naming;
  return { ...naming, rules: [...(naming?.rules ?? []), { match: `${route}/*`, to: '{path}' }] };
}
