import type { NotKnown } from '../../inventory/state.ts';
import type { InstalledReference } from '../../overrides/index.ts';
import type { AllowedImages } from '../../search/reference-decisions.ts';
import type { Profile } from '../../search/search-render.ts';

/** The images that nodes pull for one chart with one profile, or for manifests. */
export interface SourceImages {
  /** Name of the chart, or of the manifests (manifests/source.ts). */
  readonly chart: string;
  readonly profile: Pick<Profile, 'name'>;
  /** Namespace of the release; for manifests, the one of objects that name none. */
  readonly namespace: string;
  /** What nodes pull, at each location. */
  readonly references: readonly InstalledReference[];
  /** What was not understood. */
  readonly notKnown: readonly NotKnown[];
  /** Names of charts that it installs, whose images are not among these. */
  readonly nested: readonly string[];
  /** Says why a reference at a location is not changed; undefined if that is unknown. */
  readonly whyPublic: (reference: InstalledReference) => string | undefined;
  /** Returns the reason for which the source itself keeps a public reference, as an entry of a kustomization does. */
  readonly keeps?: (reference: InstalledReference) => AllowedImages | undefined;
  /** What to do about public references; undefined for charts. */
  readonly publicHint?: string;
  /** Reports whether the Pods that pull a reference lack the pull secret. */
  readonly lacksSecret: (reference: InstalledReference) => boolean;
}
