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

/** Where a need stands; the fields that {@link Place} has too mean the same. */
export interface NetworkPlace {
  readonly chart: string;
  readonly profile: string;
  readonly template: string;
  readonly document: number;
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly within?: string;
  /** `helm.sh/hook` of the object. */
  readonly hook?: string;
  /** The command line, or `key=value`; secrets are taken out, and a long one is cut. */
  readonly evidence: string;
  /** Values paths that build it, when they are known. */
  readonly values?: readonly string[];
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
