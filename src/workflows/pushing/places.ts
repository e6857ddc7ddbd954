import { AirgapError } from '../../base/errors.ts';
import { chartName } from '../../bundle/names.ts';
import { type OpenOptions, openForUse } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/read.ts';
import { writtenNames } from '../../lock/written-names.ts';
import { asksForWritten, chartRepository, type Target, targetReference } from '../../oci/naming.ts';
import type { Reference } from '../../oci/reference.ts';

/**
 * Returns the target reference of an image (by the naming) or a chart (in the charts repository). The digest is
 * dropped, since content pulled by digest gets a tag as well.
 */
export function placeOf(target: Target, { digest: _, ...source }: Reference): Reference {
  const chart = chartName(source);
  return chart === undefined ? targetReference(target, source) : { ...source, ...chartRepository(target, chart) };
}

/**
 * Returns the target, completed with the image names as charts write them, if the naming needs these.
 * @throws AirgapError `usage` when the naming needs them and no single bundle provides them
 */
export function withWritten(target: Target, bundles: readonly Bundle[]): Target {
  if (!asksForWritten(target)) return target;
  const [bundle, ...more] = bundles;
  const lock = bundle?.lock();
  if (lock !== undefined && more.length === 0) return { ...target, written: writtenNames(lock) };
  throw new AirgapError(
    'usage',
    `--naming ${target.naming} depends on how the charts of a single bundle write their images`,
    {
      hint: more.length > 0 ? 'push one bundle after the other' : 'use a bundle written by helm airgap bundle',
    },
  );
}

/** Like {@link withWrittenNames}, for a bundle that is not open yet. */
export async function withWrittenIn(
  target: Target,
  file: string | undefined,
  { signer }: Pick<OpenOptions, 'signer'> = {},
): Promise<Target> {
  if (!asksForWritten(target)) return target;
  const bundle = file === undefined ? undefined : await openForUse(file, { signer });
  try {
    return withWritten(target, bundle === undefined ? [] : [bundle]);
  } finally {
    await bundle?.close();
  }
}
