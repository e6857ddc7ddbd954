import { AirgapError } from '../../base/errors.ts';
import { chartName } from '../../bundle/names.ts';
import { type OpenOptions, openForUse } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/read.ts';
import { writtenNames } from '../../lock/written-names.ts';
import { asksForWritten, chartRepository, type Target, targetReference } from '../../oci/naming.ts';
import type { Reference } from '../../oci/reference.ts';

/**
 * Where something of a bundle goes, and how its tag is called there: an image by the naming, a chart to the charts. What is
 * pulled by digest has a tag of its own all the same.
 */
export function placeOf(target: Target, { digest: _, ...source }: Reference): Reference {
  const chart = chartName(source);
  return chart === undefined ? targetReference(target, source) : { ...source, ...chartRepository(target, chart) };
}

/**
 * The target, with what its naming has to know of how charts write references.
 * @throws AirgapError `usage` when the naming asks for that and nothing says it
 */
export function withWritten(target: Target, bundles: readonly Bundle[]): Target {
  if (!asksForWritten(target)) return target;
  const [bundle, ...more] = bundles;
  const lock = bundle?.lock();
  if (lock !== undefined && more.length === 0) return { ...target, written: writtenNames(lock) };
  throw new AirgapError('usage', `--naming ${target.naming} goes by how the charts of one bundle write their images`, {
    hint: more.length > 0 ? 'push one bundle after the other' : 'name a bundle that helm airgap made',
  });
}

/** The same for a bundle that nobody has opened yet. */
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
