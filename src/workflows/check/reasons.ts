import { AirgapError } from '../../base/errors.ts';
import { isUnknownAuthority } from '../../http/failures.ts';
import type { CheckReason } from '../../inventory/check-reasons.ts';

/** Answer about one image: that a node gets it, or why not. */
export interface Answer {
  readonly status: 'ok' | CheckReason;
  /** What is wrong, equal for all images with the same cause. */
  readonly message?: string | undefined;
  /** What is wrong with this image in particular. */
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/** What to do about reasons for which neither a registry nor a login says more. */
export const HINTS: Readonly<Partial<Record<Answer['status'], string>>> = {
  'public-name':
    'write the overrides with values --unmapped=post-render or --unmapped=repack, and check with the same flag',
  'wrong-name': 'correct the values that build the name, or leave them to helm airgap values',
  unpinned: 'fix the tag, in kustomize by an entry with newName, equal to name, and newTag',
  missing: 'publish them and bundle again, or accept them there with --allow-missing',
  'not-in-bundle': 'bundle again with the same sources, or add these images',
  'not-pushed': 'push the bundle that has them',
  incomplete:
    'bring them again with bundle --only-missing: push does not send images of other bundles whose tags are there',
  'wrong-platform':
    'bring them for these platforms too with bundle --only-missing, and push them with --on-existing-tag overwrite',
};

/**
 * Returns what an error of a registry means for the image that was asked for.
 * @param missing what content that the registry does not have means: `not-pushed` for the image itself, `incomplete` below it
 * @throws AirgapError an error that says nothing about the registry, such as `interrupted` or an unreadable login
 */
export function answerOf(error: unknown, missing: 'not-pushed' | 'incomplete'): Answer {
  if (!(error instanceof AirgapError)) throw error;
  const { reason: message, hint } = error;
  switch (error.code) {
    case 'image-not-found':
      return { status: missing };
    case 'unauthorized':
    case 'forbidden':
      return { status: 'no-permission', message, hint };
    case 'network':
      return { status: isUnknownAuthority(error) ? 'unknown-authority' : 'unreachable', message, hint };
    case 'registry':
      // Without the manifest, nothing says that the registry has the image: new content would not help.
      if (error.isTransient || missing === 'not-pushed') return { status: 'unreachable', message, hint };
      return { status: 'incomplete', detail: message, hint };
    case 'digest-mismatch':
    case 'unsupported':
      return { status: 'incomplete', detail: message, hint };
    default:
      throw error;
  }
}
