/** A problem found in a bundle. */
export interface BundleProblem {
  /** Description in one sentence. */
  readonly message: string;
  /** Names of the images and charts that it makes unusable; may be empty. */
  readonly affects: readonly string[];
}
