import { AirgapError } from '../../base/errors.ts';
import { toFindings } from '../../discovery/index.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { LockFile } from '../../inventory/lock-file.ts';
import type { Context } from '../../session/context.ts';
import { addedReferences, type ImagesOptions } from '../images/images.ts';
import { warnUnlisted } from './bundle-warnings.ts';
import { pinsOf, referencesOfCharts } from './listed-images.ts';
import { fetchLockedCharts, type LockedChartsOptions } from './locked-charts.ts';
import { type BundleResult, type PackOptions, pack, withExclusiveOutput } from './pack.ts';
import type { ContentInput } from './resolve-content.ts';

export interface LockedContentOptions extends LockedChartsOptions, Pick<ImagesOptions, 'add'> {
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
  const references = [...lockFile.images.flatMap(locatedReferences), ...addedReferences(add)];
  const findings = toFindings(references);
  const unpinned = lockFile.images.filter(
    ({ reference, digest, state }) => digest === '' && state === undefined && !reference.includes('@'),
  );
  if (unpinned.length > 0) {
    const message = `the lock file has no digest for ${unpinned.length === 1 ? '1 image, whose tag is' : `${unpinned.length} images, whose tags are`} resolved now: ${unpinned.map(({ reference }) => reference).join(', ')}`;
    context.emit({ type: 'warning', message });
  }
  const knownReferences = new Set(findings.map(({ reference }) => reference));
  const unlocked = new Map<string, string>();
  const select = (found: readonly LocatedReference[]) => {
    for (const { reference, name } of found) if (!knownReferences.has(reference)) unlocked.set(reference, name);
    return { findings, selections: lockFile.choices };
  };
  return {
    content: {
      ...{ charts, select, pins: pinsOf(lockFile.images) },
      allowMissing: lockFile.images.flatMap(({ reference, allowed }) =>
        allowed === undefined ? [] : [{ pattern: reference, ...allowed }],
      ),
    },
    warn: () => warnUnlisted(context.emit, 'the lock file', lockFile.choices, unlocked),
  };
}

/** An image of a lock file is certain, except for a candidate whose registry was not contacted. */
function locatedReferences({ reference, digest, confidence, need, charts }: LockFile['images'][number]) {
  const isCandidate = digest === '' && confidence === 'likely';
  return referencesOfCharts(charts, {
    ...{ reference, written: reference, need },
    confidence: isCandidate ? 'likely' : 'certain',
  });
}
