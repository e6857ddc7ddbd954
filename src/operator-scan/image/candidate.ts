import type { Reference } from '../../oci/reference.ts';

/**
 * `high`: a complete name of the operator's publisher. `medium`: other evidence. `low`: only the form of a reference.
 */
type ScanConfidence = 'high' | 'medium' | 'low';

/** Location of a finding in an image. */
export interface ScanLocation {
  /** Path in the image, without a leading slash. */
  readonly file: string;
  /** Digest of the layer that contains the file. */
  readonly layer: string;
  /** Offset of the text in the program, in bytes. */
  readonly offset?: number;
  /** Line in the text, counted from 1. */
  readonly line?: number;
}

/** Image reference found in the files of an image. */
export interface Candidate extends ScanLocation {
  /** Normalized. */
  readonly reference: string;
  /** Text as found; for recombined names the joined parts. */
  readonly written: string;
  /**
   * `text`: in a text file or embedded text. `constant`: complete, in a program. `recombined`: a name plus a version.
   */
  readonly kind: 'text' | 'constant' | 'recombined';
  readonly confidence: ScanConfidence;
  /** Human-readable reason why it is considered an image. */
  readonly evidence: string;
  /** Name of the image setting (environment variable or flag) that the program uses next to it. */
  readonly setting?: string;
}

/** Name whose version is uncertain: at most one of several references exists in the registry. */
export interface Guess extends ScanLocation {
  readonly kind: 'recombined';
  readonly evidence: string;
  /** Normalized references: versions that the program pairs with the name first, then the newest. */
  readonly possibleReferences: readonly string[];
  /** True if the program itself pairs the first version with the name. */
  readonly isPaired: boolean;
  /** See {@link Candidate}. */
  readonly setting?: string;
}

/** Component names and versions whose registry and repository prefix are stored elsewhere in the program. */
export interface ComponentList extends ScanLocation {
  readonly kind: 'recombined';
  readonly evidence: string;
  /** Possible prefixes of the names, such as `quay.io/calico/`; the likeliest first. */
  readonly prefixes: readonly string[];
  /** `name:version`. */
  readonly components: readonly string[];
}

/** Image to scan. */
export interface ScanTarget {
  readonly image: Reference;
  /** Publishers of the image and of other images of its chart: organizations and company registries. */
  readonly publishers: ReadonlySet<string>;
}

/** Findings in one file. */
export interface FileFindings {
  readonly candidates: readonly Candidate[];
  readonly guesses: readonly Guess[];
  readonly componentLists: readonly ComponentList[];
  /** Human-readable reason why the file was not (fully) scanned. */
  readonly skipReason?: string;
}
