import { resolve } from 'node:path';
import { formatReference } from '../../oci/reference.ts';

/** Names in bundles that a command line selects from. */
export interface BundleNames {
  /** `NAME`, or `NAME@VERSION` of a chart of which there are several versions. */
  readonly charts: readonly string[];
  readonly images: readonly string[];
}

/**
 * Returns the charts and images of bundles. Only their index and inventory are read, not their content.
 * @param paths as on the command line, relative to `cwd`
 */
export async function bundleNames(paths: readonly string[], cwd: string): Promise<BundleNames> {
  if (paths.length === 0) return { charts: [], images: [] };
  const { openBundle } = await import('../../bundle/reading/bundle.ts');
  const charts: { readonly name: string; readonly version: string }[] = [];
  const images: string[] = [];
  for (const path of paths) {
    const bundle = await openBundle(resolve(cwd, path));
    try {
      charts.push(...bundle.charts());
      images.push(...bundle.images().map(({ reference }) => formatReference(reference)));
    } finally {
      await bundle.close();
    }
  }
  const versions = Map.groupBy(charts, ({ name }) => name);
  return {
    charts: [...versions].flatMap(([name, all]) => {
      const distinct = [...new Set(all.map(({ version }) => version))];
      return distinct.length === 1 ? [name] : distinct.map((version) => `${name}@${version}`);
    }),
    images: [...new Set(images)],
  };
}
