import { AirgapError } from '../../base/errors.ts';
import { toFindings } from '../../discovery/index.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { LockFile, LockFileImage } from '../../inventory/lock-file.ts';
import type { MissingFinding } from '../../inventory/missing-images.ts';
import type { Context } from '../../session/context.ts';
import { asMissing } from '../images/confirm.ts';
import { addedReferences, type ImagesOptions } from '../images/images.ts';
import type { ResolveOptions } from '../images/resolve.ts';
import { warnUnlisted } from './bundle-warnings.ts';
import { pinsOf, referencesOfCharts } from './listed-images.ts';
import { fetchLockedCharts, type LockedChartsOptions } from './locked-charts.ts';
import { type BundleResult, type PackOptions, pack, withExclusiveOutput } from './pack.ts';
import type { ContentInput } from './resolve-content.ts';

export interface LockedContentOptions
  extends LockedChartsOptions,
    Pick<ImagesOptions, 'add'>,
    Pick<ResolveOptions, 'allowMissing'> {
  readonly lockFile: LockFile;
}

export interface BundleLockFileOptions extends PackOptions, LockedContentOptions {}

/**
 * Bundles the charts and images of a lock file by their digests, and images that are added by name. Nothing is searched
 * or rendered. A tag without a digest in the lock file is resolved now, with a warning.
 */
export function bundleLockFile(context: Context, options: BundleLockFileOptions): Promise<BundleResult> {
  return withExclusiveOutput(context, options, async (scratch) => {
    const { content, warn } = await lockedContent(context, options, scratch);
    const result = await pack(context, options, content);
    warn();
    return result;
  });
}

/**
 * Returns the charts and images of a lock file, and a function that warns of images that were found while resolving and
 * are not in it.
 * @throws AirgapError `usage` if there are none; errors of fetching the charts
 */
export async function lockedContent(
  context: Context,
  options: LockedContentOptions,
  scratch: string,
): Promise<{ readonly content: ContentInput; readonly warn: () => void }> {
  const { lockFile, add } = options;
  if (lockFile.charts.length === 0 && lockFile.images.length === 0 && add.length === 0) {
    throw new AirgapError('usage', 'there is nothing to transfer: the lock file is empty', {
      hint: 'write it again with helm airgap images ... --lock',
    });
  }
  const charts = await fetchLockedCharts(context, lockFile.charts, scratch, options);
  const added = addedReferences(add);
  const isMissing = ({ reference, state }: LockFileImage): boolean =>
    state === 'missing' && !added.some((image) => image.reference === reference);
  const images = lockFile.images.filter((image) => !isMissing(image));
  const findings = toFindings([...images.flatMap(locatedReferences), ...added]);
  const missing = missingImages(context, lockFile.images.filter(isMissing), options.allowMissing);
  const unpinned = images.filter(({ reference, digest }) => digest === '' && !reference.includes('@'));
  if (unpinned.length > 0) {
    const message = `the lock file has no digest for ${unpinned.length === 1 ? '1 image, whose tag is' : `${unpinned.length} images, whose tags are`} resolved now: ${unpinned.map(({ reference }) => reference).join(', ')}`;
    context.emit({ type: 'warning', message });
  }
  const knownReferences = new Set([...findings, ...missing].map(({ reference }) => reference));
  const unlocked = new Map<string, string>();
  const select = (found: readonly LocatedReference[]) => {
    for (const { reference, name } of found) if (!knownReferences.has(reference)) unlocked.set(reference, name);
    return { findings, selections: lockFile.choices, missing };
  };
  return {
    content: {
      charts,
      select,
      pins: pinsOf(lockFile.images),
      ...(lockFile.notKnown && { notKnown: lockFile.notKnown }),
    },
    warn: () => warnUnlisted(context.emit, 'the lock file', lockFile.choices, unlocked),
  };
}

/** Returns the missing images of a lock file, and warns of them. No registry is asked: an image that exists by now has no locked digest. */
function missingImages(
  { emit }: Context,
  images: readonly LockFileImage[],
  allowMissing: LockedContentOptions['allowMissing'] = [],
): MissingFinding[] {
  const locked = images.flatMap(({ reference: pattern, allowed }) => (allowed ? [{ pattern, ...allowed }] : []));
  const findings = toFindings(images.flatMap(locatedReferences));
  const patterns = [...locked, ...allowMissing];
  return asMissing(findings, { emit, allowMissing: patterns }, 'missing when the lock file was written');
}

/** An image of a lock file is certain, except for a candidate whose registry was not contacted. */
function locatedReferences({ reference, digest, confidence, need, charts }: LockFileImage) {
  const isCandidate = digest === '' && confidence !== 'certain';
  return referencesOfCharts(charts, {
    ...{ reference, written: reference, need },
    confidence: isCandidate ? 'likely' : 'certain',
  });
}
