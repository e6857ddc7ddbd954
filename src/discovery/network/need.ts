import type { Location } from '../../inventory/finding.ts';
import type { FieldPath } from '../field-path.ts';

/** Kind of content that is fetched. */
export type NetworkKind =
  | 'download'
  | 'chart-repository'
  | 'chart'
  | 'git'
  | 'package'
  | 'plugin'
  | 'dashboard'
  | 'model';

/** Location of a network need, with the fields of {@link Location}. */
export interface NetworkLocation extends Omit<Location, 'how' | 'written' | 'parts' | 'via' | 'redirect'> {
  /** The command line, or `key=value`; secrets are redacted, and long ones are cut. */
  readonly evidence: string;
}

/** Something that a workload fetches from outside the cluster at run time. */
export interface NetworkNeed {
  /**
   * Address without user info; unresolved shell variables stay in its path. Packages have a package URL
   * (`pkg:pypi/requests@2.32`, github.com/package-url/purl-spec), because the image decides which mirror is used.
   */
  readonly url: string;
  readonly kind: NetworkKind;
  readonly found: readonly NetworkLocation[];
}

/** Something that one command or setting fetches. */
export interface Fetch {
  readonly url: string;
  readonly kind: NetworkKind;
}

/** A fetch at a field path of one object. */
export interface NetworkMatch extends Fetch {
  readonly fieldPath: FieldPath;
  readonly evidence: string;
}
