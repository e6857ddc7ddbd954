import type { Confidence } from '../src/lock/finding.ts';

/** What a search says that a chart needs. */
export interface Found {
  /** Normalised: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  /** As it stands in the render, each spelling once. */
  readonly written: readonly string[];
  /** Where it stands, for people. */
  readonly places: readonly string[];
}
