import type { How, SplitPart } from '../lock/finding.ts';
import type { Rejection, Verdict } from './candidate.ts';
import type { Hit } from './hit.ts';
import type { Evidence } from './naming.ts';
import type { Spot } from './spot.ts';

/** What is known about a value from everything around it, as far as it bears on what is said of it. */
export interface Surroundings {
  /** The kind of evidence that a string here is; undefined where strings are none, as in a Deployment's selector. */
  readonly how: How | undefined;
  /** The nearest name. */
  readonly key: string | undefined;
  /** The name that says that values here are images; the evidence stems from it. */
  readonly namedBy: string | undefined;
  readonly off: boolean;
  /** Inside a command line, script or prose, where names are the author's own. */
  readonly script: boolean;
}

/** Why something is passed over without being judged. */
export type Omission =
  | 'kind' // describes or permits, and never runs
  | 'field' // a plain field of one of Kubernetes' own kinds
  | 'name' // below a key that names or documents things: labels, schemas, examples
  | 'metadata' // an object's own name and labels
  | 'status' // what a controller has observed
  | 'part'; // part of a split that lacks another part

/** A text that was judged. */
export interface Judged {
  readonly came: 'judged';
  readonly text: string;
  readonly spot: Spot;
  readonly around: Surroundings;
  readonly evidence: Evidence;
  readonly assessment: Verdict | Rejection;
  /** What it became, when it was taken. */
  readonly hit?: Hit;
  /** The fields that were put together into the text. */
  readonly parts?: readonly SplitPart[];
  /** Whether a text that is no reference itself was taken apart; what is in it follows. */
  readonly opened: boolean;
}

/** A value, with all below it, that was passed over. */
export interface Omitted {
  readonly came: 'omitted';
  readonly value: unknown;
  readonly spot: Spot;
  readonly around: Surroundings;
  readonly why: Omission;
}

export type Sight = Judged | Omitted;

/** Whoever wants to know why: sees each text that is judged and each value that is passed over, outer ones first. */
export type Watch = (sight: Sight) => void;
