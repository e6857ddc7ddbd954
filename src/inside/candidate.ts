import type { Reference } from '../oci/reference.ts';

/** `high`: whole, and of the operator's own makers. `medium`: shown by more than its look. `low`: looks like one. */
export type InsideConfidence = 'high' | 'medium' | 'low';

/** Where in an image something stands. */
export interface InsidePlace {
  /** Path in the image, without a slash before it. */
  readonly file: string;
  /** Digest of the layer that brings the file. */
  readonly layer: string;
  /** Byte in the program at which the text begins. */
  readonly offset?: number;
  /** Line of the text, from 1. */
  readonly line?: number;
}

/** A reference that the files of an image name. */
export interface Candidate extends InsidePlace {
  /** Normalised. */
  readonly reference: string;
  /** As it stands there; the parts put together for a recombination. */
  readonly written: string;
  /** `text`: in a text file or an embedded text. `constant`: whole, in a program. `recombined`: of a name and a version. */
  readonly kind: 'text' | 'constant' | 'recombined';
  readonly confidence: InsideConfidence;
  /** What shows that it is an image, for people. */
  readonly evidence: string;
  /** Name of the setting, environment variable or flag beside which the program has it, if that says image. */
  readonly setting?: string;
}

/** A name whose version is not certain: one of these is right, or none. The registry knows. */
export interface Guess extends InsidePlace {
  readonly kind: 'recombined';
  readonly evidence: string;
  /** Normalised references: first those with a version that the program pairs with the name, then the newest. */
  readonly possible: readonly string[];
  /** Whether the first is what the program itself pairs, and not only tried. */
  readonly isPaired: boolean;
  /** As a candidate has it. */
  readonly setting?: string;
}

/** Names and versions of a list of components, whose registry and folder stand elsewhere. */
export interface Family extends InsidePlace {
  readonly kind: 'recombined';
  readonly evidence: string;
  /** What may stand before the names, `quay.io/calico/`; the likeliest first. */
  readonly prefixes: readonly string[];
  /** `name:version`. */
  readonly members: readonly string[];
}

/** What is known of the image that is scanned. */
export interface Subject {
  readonly image: Reference;
  /** Makers of the image and of what the same chart names beside it: organisations and registries of their own. */
  readonly makers: ReadonlySet<string>;
}

/** What a file holds. */
export interface FileFindings {
  readonly candidates: readonly Candidate[];
  readonly guesses: readonly Guess[];
  readonly families: readonly Family[];
  /** What was not looked at, and why, for people; undefined when everything was. */
  readonly givenUp?: string;
}
