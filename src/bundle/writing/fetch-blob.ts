import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Body, Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BlobNode } from '../../oci/graph.ts';
import { blobLabel, bodyFromSource } from '../../transfer/resumable-read.ts';
import type { RandomFile } from '../files/random-file.ts';
import { BlobWriter } from './blob-writer.ts';
import { downloadMultiConnection, MULTI_CONNECTION_POLICY, type MultiConnectionPolicy } from './multi-connection.ts';

export interface FetchOptions {
  readonly file: RandomFile;
  readonly source: Source;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Reports whether no other large blob is being fetched. Default: false. */
  readonly isAlone?: () => boolean;
  /** Policy for using several connections for one blob. */
  readonly multiConnection?: MultiConnectionPolicy;
  /** Called when `bytes` bytes of the blob are written and hashed. */
  readonly checkpoint: (digest: Digest, bytes: number) => Promise<void>;
}

/** Like `fetchBlob`, but with a source of its own. */
export type BlobFetcher = (
  node: BlobNode,
  offset: number,
  writtenBytes: number,
  options: Omit<FetchOptions, 'source' | 'isAlone' | 'multiConnection'>,
) => Promise<number>;

/**
 * Fetches a blob to its offset in the file and verifies its digest. The first `writtenBytes` bytes are already in the
 * file and are hashed again. After a digest mismatch, the blob is fetched once more from the start, because the earlier
 * bytes may be from other content, and then from every mirror that has not served it yet.
 * @returns bytes fetched from the source
 * @throws AirgapError `digest-mismatch`, and errors of reading and writing
 */
export async function fetchBlob(
  node: BlobNode,
  offset: number,
  writtenBytes: number,
  options: FetchOptions,
): Promise<number> {
  const { digest, size } = node.descriptor;
  let fetched = 0;
  let actual: string | undefined;
  let hasOther = false;
  for (let attempt = 1; attempt <= 2 || hasOther; attempt++) {
    const body = bodyFromSource(options.source, node);
    const from = attempt === 1 ? Math.min(writtenBytes, size) : 0;
    actual = await fetchFrom(node, body, offset, from, options, (bytes) => {
      fetched += bytes;
    });
    if (actual === digest) {
      await options.checkpoint(digest, size);
      return fetched;
    }
    await options.checkpoint(digest, 0);
    hasOther = body.reject?.() ?? false;
  }
  throw new AirgapError('digest-mismatch', 'the source sent other content', {
    subject: blobLabel(node),
    detail: `with digest ${actual}`,
    hint: 'the content was discarded; check proxies and caches on the way for damage',
  });
}

async function fetchFrom(
  node: BlobNode,
  body: Body,
  offset: number,
  from: number,
  { file, emit, signal, checkpoint, isAlone = () => false, multiConnection = MULTI_CONNECTION_POLICY }: FetchOptions,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const writer = new BlobWriter(file, offset, node.descriptor.digest, checkpoint);
  await writer.rehash(from);
  const { digest, size } = node.descriptor;
  emit({ type: 'blob', digest, bytes: size, status: 'started', position: from });
  try {
    await downloadMultiConnection(
      body,
      writer,
      { what: blobLabel(node), digest, emit, signal, isAlone, multiConnection },
      onBytes,
    );
  } catch (error) {
    await writer.saveCheckpoint();
    throw error;
  }
  return writer.digest();
}
