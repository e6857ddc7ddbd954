import { airgapOk } from './cli.ts';
import { startRegistry } from './registry.ts';
import { fillUpstream } from './upstream.ts';

/** A registry that stands in for all upstream registries of a chart's images. */
export interface ChartUpstream {
  /** The images that the plugin finds in the chart. */
  readonly references: readonly string[];
  /** Digests by reference. */
  readonly digests: ReadonlyMap<string, string>;
  /** Arguments that redirect all reads to it. */
  readonly mirror: readonly string[];
  stop(): Promise<void>;
}

/** Starts the registry, with a synthetic image for each one that the plugin finds in the chart. */
export async function startUpstreamOf(chart: string, home: string): Promise<ChartUpstream> {
  const found = JSON.parse((await airgapOk(['images', chart, '-o', 'json'], home)).stdout);
  const references: string[] = found.images.map((image: { reference: string }) => image.reference);
  const registry = await startRegistry();
  const digests = await fillUpstream(registry.host, references);
  const mirror = ['--mirror', `*=${registry.host}`, '--plain-http', registry.host];
  return { references, digests, mirror, stop: () => registry.stop() };
}
