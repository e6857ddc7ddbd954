import type { PlacedBlob } from '../../bundle/write.ts';
import type { ImageFindings } from '../../inside/image.ts';

/** An image to be scanned on a thread: everything of it lies in a file, or is small. */
export interface ScanJob {
  /** The reference. */
  readonly image: string;
  readonly makers: readonly string[];
  /** Words of commands, as manifests have them. */
  readonly words: readonly string[];
  /** Undefined where nobody has it. */
  readonly config: PlacedBlob | Uint8Array | undefined;
  /** From the bottom up. */
  readonly layers: readonly PlacedBlob[];
  /** Whether it is certain that the image is for linux/amd64; if not, its config may say that it is for something else. */
  readonly isChosen: boolean;
}

/** `alive`: it is at work; with the name of a file, it begins with that. */
export type FromScan =
  | { readonly type: 'alive'; readonly file?: string }
  | { readonly type: 'found'; readonly findings: ImageFindings | undefined }
  | { readonly type: 'failed'; readonly reason: string };
