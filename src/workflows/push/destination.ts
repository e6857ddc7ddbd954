import { AirgapError } from '../../base/errors.ts';
import { chartName } from '../../bundle/names.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/read.ts';
import { writtenNames } from '../../inventory/written-names.ts';
import { chartRepository, type Target, targetReference, usesWrittenNames } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';

/**
 * Returns the target reference of an image (by the naming) or a chart (in the charts repository). The digest is
 * dropped, since content pulled by digest gets a tag as well.
 */
export function destinationOf(target: Target, { digest: _, ...source }: Reference): Reference {
  const chart = chartName(source);
  return chart === undefined ? targetReference(target, source) : { ...source, ...chartRepository(target, chart) };
}

/**
 * Returns the target, completed with the image names as charts write them, if the naming needs these.
 * @throws AirgapError `usage` when the naming needs them and no single bundle provides them
 */
export function withWrittenNames(target: Target, bundles: readonly Bundle[]): Target {
  if (!usesWrittenNames(target)) return target;
  const [bundle, ...more] = bundles;
  const inventory = bundle?.inventory();
  if (inventory !== undefined && more.length === 0) return { ...target, writtenNames: writtenNames(inventory) };
  throw new AirgapError(
    'usage',
    `--naming ${target.naming} depends on how the charts of a single bundle write their images`,
    {
      hint: more.length > 0 ? 'push one bundle after the other' : 'use a bundle written by helm airgap bundle',
    },
  );
}

/** Like {@link withWrittenNames}, for a bundle that is not open yet. */
export async function withWrittenNamesFromFile(
  target: Target,
  file: string | undefined,
  { signer }: Pick<OpenOptions, 'signer'> = {},
): Promise<Target> {
  if (!usesWrittenNames(target)) return target;
  const bundle = file === undefined ? undefined : await openCheckedBundle(file, { signer });
  try {
    return withWrittenNames(target, bundle === undefined ? [] : [bundle]);
  } finally {
    await bundle?.close();
  }
}
