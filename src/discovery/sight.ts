import type { How, SplitPart } from '../lock/finding.ts';
import type { Rejection, Verdict } from './candidate.ts';
import type { Hit } from './hit.ts';
import type { Evidence } from './naming.ts';
import type { Spot } from './spot.ts';

/** Context of a value that explains how it was assessed. */
export interface Surroundings {
  /**
   * The kind of evidence that a string gives here; undefined where strings are no evidence, such as the selector of a
   * Deployment.
   */
  readonly how: How | undefined;
  /** The nearest key. */
  readonly key: string | undefined;
  /** The key that names an image; the evidence is based on it. */
  readonly namedBy: string | undefined;
  readonly off: boolean;
  /** Inside a command line, script or prose, where names are arbitrary. */
  readonly script: boolean;
}

/** Reason why a value is skipped without being assessed. */
export type Omission =
  | 'kind' // a kind that describes or permits, and never runs
  | 'field' // a plain field of a Kubernetes kind
  | 'name' // below labels, schemas, documents or examples
  | 'metadata' // the name and labels of an object
  | 'status' // written by a controller
  | 'part'; // a part of a split reference that lacks another part

/** A text was assessed. */
export interface Judged {
  readonly came: 'judged';
  readonly text: string;
  readonly spot: Spot;
  readonly around: Surroundings;
  readonly evidence: Evidence;
  readonly assessment: Verdict | Rejection;
  /** The resulting match, if the text was accepted. */
  readonly hit?: Hit;
  /** The fields that were joined to the text. */
  readonly parts?: readonly SplitPart[];
  /** True if a rejected text was unpacked; events for its content follow. */
  readonly opened: boolean;
}

/** A value was skipped, with everything below it. */
export interface Omitted {
  readonly came: 'omitted';
  readonly value: unknown;
  readonly spot: Spot;
  readonly around: Surroundings;
  readonly reason: Omission;
}

export type Sight = Judged | Omitted;

/** Receives an event for each assessed text and each skipped value, outer ones first. */
export type Watch = (sight: Sight) => void;
