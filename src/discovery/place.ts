import type { Confidence, Need, Place } from '../lock/finding.ts';

/** A place and what it says about its reference. */
export interface PlaceFound extends Place {
  /** Fully normalised: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
}
