import type { Place } from '../../lock/finding.ts';
import type { Spot } from '../spot.ts';

/** What is fetched. */
export type NetworkKind =
  | 'download'
  | 'chart-repository'
  | 'chart'
  | 'git'
  | 'package'
  | 'plugin'
  | 'dashboard'
  | 'model';

/** Where a need stands, in the terms of a place. */
export interface NetworkPlace extends Omit<Place, 'how' | 'written' | 'parts' | 'via' | 'redirect'> {
  /** The command line, or `key=value`; secrets are taken out, and a long one is cut. */
  readonly evidence: string;
}

/** Something that a workload fetches from outside of the cluster when it runs. */
export interface NetworkNeed {
  /**
   * Address without user info. Shell variables that nothing resolves stay in its path. A package has a package URL
   * (`pkg:pypi/requests@2.32`, github.com/package-url/purl-spec), since which mirror serves it is the image's affair.
   */
  readonly url: string;
  readonly kind: NetworkKind;
  readonly found: readonly NetworkPlace[];
}

/** What one command or setting fetches. */
export interface Fetch {
  readonly url: string;
  readonly kind: NetworkKind;
}

/** A fetch at a spot of one object. */
export interface NetworkHit extends Fetch {
  readonly spot: Spot;
  readonly evidence: string;
}
