import { firstOf } from '../../base/count.ts';
import { compareText } from '../../base/text-order.ts';
import { textBefore } from '../../base/text-trim.ts';
import {
  type ClusterLoginContext,
  type RegistryAddresses,
  type RegistryReplacement,
  type RenamedNamespaces,
  registryReplacements,
} from '../../openshift/index.ts';
import { type DestinationOptions, destinationAddresses } from './clusters.ts';
import { type ImageStreamOptions, planImageStreams } from './plan.ts';

export interface ReplacementOptions {
  readonly streams: ImageStreamOptions;
  readonly destination: DestinationOptions;
  readonly renamed: RenamedNamespaces;
}

export interface ReplacementPlan {
  readonly source: RegistryAddresses;
  readonly destination: RegistryAddresses;
  /** Those of the exported image streams, and those that get another name; sorted. */
  readonly namespaces: readonly string[];
  readonly replacements: readonly RegistryReplacement[];
}

/** Maximum number of names in a message. */
const MAX_NAMES = 5;

/**
 * Returns what replaces the source's registry in references, for the namespaces of exported image streams.
 * @throws AirgapError of {@link planImageStreams} and {@link destinationAddresses}
 */
export async function planReplacement(
  context: ClusterLoginContext,
  { streams, destination: options, renamed }: ReplacementOptions,
): Promise<ReplacementPlan> {
  const destination = await destinationAddresses(context, options);
  const { addresses: source, streams: names } = await planImageStreams(context, streams);
  const exported = new Set(names.map((name) => textBefore(name, '/')));
  const unknown = [...renamed.keys()].filter((name) => !exported.has(name));
  if (unknown.length > 0) {
    const message = `--rename-namespace: the export has no image streams in ${firstOf(unknown, MAX_NAMES)}`;
    context.emit({ type: 'warning', message });
  }
  const merged = mergedStreams(names, renamed);
  if (merged.length > 0) {
    const message = `--rename-namespace gives two image streams one name: ${firstOf(merged, MAX_NAMES)}`;
    context.emit({ type: 'warning', message });
  }
  // References may name a namespace whose image streams are not exported.
  const namespaces = [...new Set([...exported, ...renamed.keys()])].sort(compareText);
  return {
    source,
    destination,
    namespaces,
    replacements: registryReplacements(source, destination, namespaces, renamed),
  };
}

/** Returns the new names that several image streams get. */
function mergedStreams(names: readonly string[], renamed: RenamedNamespaces): string[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    const namespace = textBefore(name, '/');
    const next = `${renamed.get(namespace) ?? namespace}${name.slice(namespace.length)}`;
    counts.set(next, (counts.get(next) ?? 0) + 1);
  }
  return [...counts].flatMap(([name, number]) => (number > 1 ? [name] : []));
}
