import type { WrittenBlob } from '../bundle/write.ts';
import type { ImageFindings } from './image/scan-image.ts';

/** Image to scan on a thread; its layers are in files. */
export interface ScanJob {
  /** Reference of the image. */
  readonly image: string;
  readonly publishers: readonly string[];
  /** Words of the commands in manifests. */
  readonly manifestWords: readonly string[];
  /** Undefined if the config is not available. */
  readonly config: WrittenBlob | Uint8Array | undefined;
  /** Layers from the bottom up. */
  readonly layers: readonly WrittenBlob[];
  /** True if the image is known to be for linux/amd64; otherwise its config is checked. */
  readonly isPlatformKnown: boolean;
}

/** Message from the scan thread. `alive` is a heartbeat; with `file`, the scan of that file starts. */
export type ScanMessage =
  | { readonly type: 'alive'; readonly file?: string }
  | { readonly type: 'found'; readonly findings: ImageFindings | undefined }
  | { readonly type: 'failed'; readonly reason: string };
