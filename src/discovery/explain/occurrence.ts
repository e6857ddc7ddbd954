import type { Confidence, EvidenceKind, Location } from '../../inventory/finding.ts';
import type { Evidence } from '../key-evidence.ts';

/** One occurrence of a text in a render, and how the search assessed it. */
export interface Occurrence
  extends Pick<Location, 'template' | 'document' | 'kind' | 'name' | 'path' | 'within' | 'hook'> {
  /** The assessed text; of a long text only the line. For a Secret only the text that was searched for. */
  readonly text: string;
  readonly taken: boolean;
  readonly reference?: string;
  readonly confidence?: Confidence;
  readonly how?: EvidenceKind;
  readonly evidence?: Evidence;
  /** The key that names an image. */
  readonly key?: string;
  /** The fields that were joined. */
  readonly parts?: Location['parts'];
  /** Reason for the assessment: one sentence without a full stop. */
  readonly because: string;
}
