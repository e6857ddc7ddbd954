import type { Target } from '../../naming/naming.ts';
import type { Pattern } from '../../search/selection.ts';
import type { RegistryUse } from '../../session/connect.ts';
import type { LockedContentOptions } from '../bundle/bundle-lock-file.ts';
import type { ImagesOptions } from '../images/images.ts';
import type { ReferrerOptions, ResolveOptions } from '../images/resolve.ts';
import type { PushGraphOptions } from '../push/push-graph.ts';
import type { ListOptions } from './listing/index.ts';

/** Charts and images to copy. */
interface MirrorSources {
  /** Charts to search. */
  readonly charts?: ImagesOptions | undefined;
  /** A lock file with charts and images. */
  readonly locked?: LockedContentOptions | undefined;
  readonly lists?: ListedSources | undefined;
}

/** Images by name, registries and plans. */
export interface ListedSources extends ListOptions {
  /** Patterns of references to leave out. */
  readonly exclude: readonly Pattern[];
  /** Path of a file with the selected tags, which is read if it exists, and otherwise written. */
  readonly plan?: string | undefined;
  /** Writes the plan if it does not exist. Default: true. */
  readonly isPlanWritten?: boolean;
}

export interface MirrorOptions
  extends RegistryUse,
    ReferrerOptions,
    Pick<ResolveOptions, 'platforms' | 'imageConfigs' | 'allowMissing'>,
    Pick<PushGraphOptions, 'existing' | 'repositories' | 'now'> {
  readonly sources: MirrorSources;
  /** Targets, each of which gets everything. */
  readonly targets: readonly Target[];
  /** Blobs sent to each target at the same time. */
  readonly uploadConcurrency: number;
  /** Compares everything below the tags, not the tags alone. */
  readonly recheck: boolean;
  /** Carries the settings of repositories. */
  readonly settings?: { readonly allowsPublic: boolean } | undefined;
}
