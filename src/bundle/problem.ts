/** Something that is wrong with a bundle. */
export interface Problem {
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** Names of the images and charts that cannot be used because of it; empty when it touches none. */
  readonly affects: readonly string[];
}
