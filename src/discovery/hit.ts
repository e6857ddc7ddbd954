import type { Confidence, How, SplitPart } from '../lock/finding.ts';
import type { Spot } from './spot.ts';

/** A reference at a spot of one object. */
export interface Hit {
  readonly spot: Spot;
  readonly how: How;
  readonly written: string;
  readonly reference: string;
  readonly confidence: Confidence;
  readonly parts?: readonly SplitPart[];
  /** Stands below something that is switched off (`enabled: false`). */
  readonly off: boolean;
}
