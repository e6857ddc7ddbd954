import { type Finding, isBundledByDefault, type Location } from './finding.ts';
import type { SelectionRecord } from './selection-record.ts';

/**
 * Numbers of images by where they were found, and by what becomes of them. Each image counts once in both:
 * `listed + imageConfigs + operatorImages = bundled + possible + missing + unchecked`.
 * Part of the JSON output.
 */
export interface ImageCounts {
  /** Found in charts, or added by name: what `images` lists. */
  readonly listed: number;
  /** Found only in configs of images. */
  readonly imageConfigs: number;
  /** Found only in files of operators' images. */
  readonly operatorImages: number;
  /** Taken by a bundle. */
  readonly bundled: number;
  /** Left out, because they are only `possible`. */
  readonly possible: number;
  /** Needed, but their registries do not have them. */
  readonly missing: number;
  /** Left out, because one object or image config names too many uncertain images. */
  readonly unchecked: number;
  /** Excluded by the user's selection; in no other number. */
  readonly excluded: number;
}

type Found = Pick<Finding, 'found'>;

export interface CountedImages {
  /** Selected images that are neither missing nor unchecked. */
  readonly images: readonly Pick<Finding, 'confidence' | 'found'>[];
  readonly missing?: readonly Found[];
  readonly unchecked?: readonly Found[];
  readonly selections: readonly SelectionRecord[];
}

/** Counts the images of a chart search, or of a bundle. */
export function countImages({ images, missing = [], unchecked = [], selections }: CountedImages): ImageCounts {
  const sources = [...images, ...missing, ...unchecked].map(sourceOf);
  const from = (source: Source): number => sources.filter((each) => each === source).length;
  const bundled = images.filter(isBundledByDefault).length;
  const excluded = selections.flatMap(({ rule, references }) =>
    rule === 'include' || rule === 'dropped' ? [] : references,
  );
  return {
    listed: from('listed'),
    imageConfigs: from('imageConfigs'),
    operatorImages: from('operatorImages'),
    bundled,
    possible: images.length - bundled,
    missing: missing.length,
    unchecked: unchecked.length,
    excluded: new Set(excluded).size,
  };
}

type Source = 'listed' | 'imageConfigs' | 'operatorImages';

function sourceOf({ found }: { readonly found: readonly Location[] }): Source {
  const kinds = new Set(found.map(({ how }) => how));
  if (kinds.size === 1 && kinds.has('image-config')) return 'imageConfigs';
  const isFromFiles = kinds.delete('inside-image');
  kinds.delete('image-config');
  return isFromFiles && kinds.size === 0 ? 'operatorImages' : 'listed';
}
