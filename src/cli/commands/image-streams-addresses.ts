import { AirgapError } from '../../base/errors.ts';
import type { RegistryAddresses } from '../../openshift/registry-addresses.ts';
import type { ImageStreamOptions } from '../../workflows/image-streams/plan.ts';
import { type FlagsOf, flagGroup } from '../flags/option.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import type { CommandIO } from '../run.ts';
import { STREAM_FORMATS } from './image-streams-rewrite.ts';

/** Formats of `image-streams`; `internal` and `public` are one address of the registry. */
export const STREAM_OUTPUTS = [...STREAM_FORMATS, 'internal', 'public'] as const;

/** Adds the flag of `image-streams` that prints where the registry is. */
export const addAddressFlag = flagGroup((command) =>
  command.option('--registry-addresses', 'print the addresses of the registry, and read no image streams'),
);

type Flags = FlagsOf<typeof addAddressFlag> & { readonly output: (typeof STREAM_OUTPUTS)[number] };

/**
 * Prints the addresses of a cluster's registry: all of them, or one as a line by itself, for scripts and results of pipelines.
 * @throws AirgapError `usage` if nothing about the cluster is given; `usage`, `cluster` for a public host that is not known
 */
export async function printAddresses(io: CommandIO, options: ImageStreamOptions, flags: Flags): Promise<void> {
  const { sources, registryRoutes, clusterObjects } = options;
  if (sources.length + registryRoutes.length === 0 && clusterObjects === undefined) {
    throw new AirgapError('usage', 'the cluster of the registry is not known', {
      hint: 'give --source-kubeconfig FILE, or a folder with its exported Routes and Image configuration',
    });
  }
  const { registryAddresses } = await import('../../workflows/image-streams/addresses.ts');
  const addresses = await registryAddresses(io.context, options);
  const { internal, route } = addresses;
  if (flags.output === 'json' || flags.output === 'yaml') {
    return io.print(await formatDocument('RegistryAddresses', documentOf(addresses), flags.output));
  }
  if (flags.output === 'internal') return io.print(internal[0] ?? '');
  if (flags.output === 'public') {
    if (route !== undefined) return io.print(route);
    throw new AirgapError(clusterObjects === undefined ? 'usage' : 'cluster', 'the registry has no public host', {
      hint: 'expose it (spec.defaultRoute of configs.imageregistry.operator.openshift.io), or give it: --registry-route INTERNAL=PUBLIC',
    });
  }
  const rows = [...internal.map((address) => ['internal', address]), ...(route ? [['public', route]] : [])];
  await printReport(io, { result: [{ head: ['KIND', 'ADDRESS'], rows }], notes: [] });
}

function documentOf({ internal, route }: RegistryAddresses): object {
  return { internal, ...(route !== undefined && { public: route }) };
}
