import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Source } from '../oci/content.ts';
import { algorithmOf, digestOf } from '../oci/digest.ts';
import type { BlobNode } from '../oci/graph.ts';
import { blobLabel, bodyFromSource, drain } from './resumable-read.ts';

export interface ReadBlobOptions {
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/**
 * Reads and verifies a small blob. Content with a wrong digest is read a second time.
 * @throws AirgapError `digest-mismatch`; errors of the source
 */
export async function readBlob(source: Source, blob: BlobNode, { emit, signal }: ReadBlobOptions): Promise<Uint8Array> {
  const { digest } = blob.descriptor;
  // Progress counts these bytes when they are written to the bundle.
  const options = { what: blobLabel(blob), emit: ((event) => event.type !== 'bytes' && emit(event)) as Emit, signal };
  let actual = '';
  for (let attempt = 1; attempt <= 2; attempt++) {
    const chunks: Uint8Array[] = [];
    await drain(bodyFromSource(source, blob), 0, options, (chunk) => {
      chunks.push(chunk);
      return undefined;
    });
    const bytes = Buffer.concat(chunks);
    actual = digestOf(bytes, algorithmOf(digest));
    if (actual === digest) return bytes;
  }
  const message = `${blobLabel(blob)}: the source returned other content, with digest ${actual}`;
  throw new AirgapError('digest-mismatch', message, { hint: 'a proxy or cache in between may return damaged content' });
}
