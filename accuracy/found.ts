import type { Confidence } from '../src/inventory/finding.ts';

/** A reference that a search found. */
export interface Found {
  /** Normalised: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  /** Distinct spellings in the render. */
  readonly written: readonly string[];
  /** Locations, for people. */
  readonly locations: readonly string[];
}
