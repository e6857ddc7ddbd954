import { airgapOk } from './cli.ts';
import { startRegistry } from './registry.ts';
import { fillUpstream } from './upstream.ts';

/** A registry in the place of all that a chart's images come from. */
export interface ChartUpstream {
  /** The images that the plugin finds in the chart. */
  readonly references: readonly string[];
  /** By reference. */
  readonly digests: ReadonlyMap<string, string>;
  /** Arguments that have everything read there. */
  readonly mirror: readonly string[];
  stop(): Promise<void>;
}

/** Starts one, with a stand-in for each image that the plugin finds in the chart. */
export async function startUpstreamOf(chart: string, home: string): Promise<ChartUpstream> {
  const found = JSON.parse((await airgapOk(['images', chart, '-o', 'json'], home)).stdout);
  const references: string[] = found.images.map((image: { reference: string }) => image.reference);
  const registry = await startRegistry();
  const digests = await fillUpstream(registry.host, references);
  const mirror = ['--mirror', `*=${registry.host}`, '--plain-http', registry.host];
  return { references, digests, mirror, stop: () => registry.stop() };
}
