import type { Confidence, How, Place } from '../../lock/finding.ts';
import type { Evidence } from '../naming.ts';

/** One place of a render where a text stands, and what the search made of it. */
export interface Occurrence
  extends Pick<Place, 'template' | 'document' | 'kind' | 'name' | 'path' | 'within' | 'hook'> {
  /** What was looked at there: the text, or of a longer one the line. Of a Secret only what was asked for. */
  readonly text: string;
  readonly taken: boolean;
  readonly reference?: string;
  readonly confidence?: Confidence;
  readonly how?: How;
  readonly evidence?: Evidence;
  /** The name that says that it is an image. */
  readonly key?: string;
  /** Fields that were put together. */
  readonly parts?: Place['parts'];
  /** Why it was taken or not, in one plain sentence without a full stop. */
  readonly because: string;
}
