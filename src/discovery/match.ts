import type { Confidence, EvidenceKind, SplitPart } from '../inventory/finding.ts';
import type { FieldPath } from './field-path.ts';

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
