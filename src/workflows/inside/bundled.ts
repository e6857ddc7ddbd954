import { openBundle } from '../../bundle/read.ts';
import { formatReference } from '../../oci/reference.ts';
import type { Context } from '../context.ts';
import type { InsideOptions } from '../images.ts';
import { connect } from '../registry.ts';
import { type InsideImage, lookInside, type OperatorsOfChart } from './look-inside.ts';

/**
 * Looks into the operators of a bundle that is there: their layers are read from their place in its file, and registries
 * are only asked what exists.
 * @throws AirgapError `bundle-invalid` when the bundle cannot be opened, `interrupted`
 */
export async function lookInsideBundle(
  context: Context,
  path: string,
  charts: readonly OperatorsOfChart[],
  { access, concurrency }: InsideOptions,
): Promise<InsideImage[]> {
  if (charts.every(({ operators }) => operators.length === 0)) return [];
  const bundle = await openBundle(path);
  const { client } = connect(context, access);
  try {
    const there = new Set(bundle.images().map(({ reference }) => formatReference(reference)));
    const carried = charts.map(({ operators, places }) => ({
      places,
      operators: operators.filter(({ place }) => there.has(place.reference)),
    }));
    const source = {
      manifest: bundle.manifest.bind(bundle),
      blob: bundle.blob.bind(bundle),
      head: client.head.bind(client),
    };
    return await lookInside(context, source, carried, { concurrency });
  } finally {
    await client.close();
    await bundle.close();
  }
}
