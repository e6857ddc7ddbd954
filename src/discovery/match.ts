import type { FieldPath } from '../base/field-path.ts';
import type { Confidence, EvidenceKind, SplitPart } from '../inventory/finding.ts';
import type { Rejection, Verdict } from './candidate.ts';
import type { Evidence } from './key-evidence.ts';

/** A reference at one field path of an object. */
export interface Match {
  readonly fieldPath: FieldPath;
  readonly how: EvidenceKind;
  readonly written: string;
  readonly reference: string;
  readonly confidence: Confidence;
  readonly parts?: readonly SplitPart[];
  /** Below a mapping with `enabled: false`, or in a workload with 0 replicas or suspended. */
  readonly disabled: boolean;
}

/** Context of a value that explains how it was assessed. */
export interface MatchContext {
  /**
   * The kind of evidence that a string gives here; undefined where strings are no evidence, such as the selector of a
   * Deployment.
   */
  readonly how: EvidenceKind | undefined;
  /** The nearest key. */
  readonly key: string | undefined;
  /** The key that names an image; the evidence is based on it. */
  readonly namedBy: string | undefined;
  readonly disabled: boolean;
  /** Inside a command line, script or prose, where names are arbitrary. */
  readonly inScript: boolean;
}

/** Reason why a value is skipped without being assessed. */
export type OmissionReason =
  | 'kind' // a kind that describes or permits, and never runs
  | 'field' // a plain field of a Kubernetes kind
  | 'name' // below labels, schemas, documents or examples
  | 'metadata' // the name and labels of an object
  | 'status' // written by a controller
  | 'part'; // a part of a split reference that lacks another part

/** A text was assessed. */
export interface TextEvent {
  readonly type: 'assessed';
  readonly text: string;
  readonly fieldPath: FieldPath;
  readonly context: MatchContext;
  readonly evidence: Evidence;
  readonly assessment: Verdict | Rejection;
  /** The resulting match, if the text was accepted. */
  readonly match?: Match;
  /** The fields that were joined to the text. */
  readonly parts?: readonly SplitPart[];
  /** True if a rejected text was unpacked; events for its content follow. */
  readonly isUnpacked: boolean;
}

/** A value was skipped, with everything below it. */
export interface OmissionEvent {
  readonly type: 'omitted';
  readonly value: unknown;
  readonly fieldPath: FieldPath;
  readonly context: MatchContext;
  readonly reason: OmissionReason;
}

export type MatchEvent = TextEvent | OmissionEvent;

/** Receives an event for each assessed text and each skipped value, outer ones first. */
export type MatchListener = (event: MatchEvent) => void;
