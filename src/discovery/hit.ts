import type { Confidence, How, SplitPart } from '../lock/finding.ts';
import type { Spot } from './spot.ts';

/** A reference at one field path of an object. */
export interface Hit {
  readonly spot: Spot;
  readonly how: How;
  readonly written: string;
  readonly reference: string;
  readonly confidence: Confidence;
  readonly parts?: readonly SplitPart[];
  /** Below a mapping with `enabled: false`, or in a workload with 0 replicas or suspended. */
  readonly off: boolean;
}
