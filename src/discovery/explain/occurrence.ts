import type { Confidence, How, Place } from '../../lock/finding.ts';
import type { Evidence } from '../naming.ts';

/** One occurrence of a text in a render, and how the search assessed it. */
export interface Occurrence
  extends Pick<Place, 'template' | 'document' | 'kind' | 'name' | 'path' | 'within' | 'hook'> {
  /** The assessed text; of a long text only the line. For a Secret only the text that was searched for. */
  readonly text: string;
  readonly taken: boolean;
  readonly reference?: string;
  readonly confidence?: Confidence;
  readonly how?: How;
  readonly evidence?: Evidence;
  /** The key that names an image. */
  readonly key?: string;
  /** The fields that were joined. */
  readonly parts?: Place['parts'];
  /** Reason for the assessment: one sentence without a full stop. */
  readonly because: string;
}
