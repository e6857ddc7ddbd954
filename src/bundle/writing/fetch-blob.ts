import { createHash } from 'node:crypto';
import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Source } from '../../oci/content.ts';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import type { BlobNode } from '../../oci/graph.ts';
import { giveBack } from '../../oci/loan.ts';
import { bodyOf, drain, nameOf } from '../../oci/steady.ts';
import { readRange, writeFailure } from '../files/file.ts';
import type { RandomFile } from '../files/random-file.ts';

export interface FetchOptions {
  readonly file: RandomFile;
  readonly source: Source;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Called when so many bytes of the blob are in place. */
  readonly checkpoint: (digest: Digest, bytes: number) => Promise<void>;
}

/** Fetches a blob to its place, as `fetchBlob` does, from a source of its own. */
export type BlobFetcher = (
  node: BlobNode,
  offset: number,
  have: number,
  steps: Omit<FetchOptions, 'source'>,
) => Promise<number>;

/** Bytes between two checkpoints of one blob. */
const CHECKPOINT = 16 * 1024 * 1024;

/**
 * Fetches a blob to its place in the file, hashing on the way. `have` bytes are in place already and are hashed again.
 * A digest that does not fit costs one new try from the start: a download that was continued may have been continued
 * from something else.
 * @returns bytes that came from the source
 * @throws AirgapError `digest-mismatch`, and whatever reading and writing throw
 */
export async function fetchBlob(node: BlobNode, offset: number, have: number, options: FetchOptions): Promise<number> {
  const { digest, size } = node.descriptor;
  let fetched = 0;
  let actual: string | undefined;
  for (const from of [Math.min(have, size), 0]) {
    actual = await fetchFrom(node, offset, from, options, (bytes) => {
      fetched += bytes;
    });
    if (actual === digest) {
      await options.checkpoint(digest, size);
      return fetched;
    }
    await options.checkpoint(digest, 0);
  }
  throw new AirgapError(
    'digest-mismatch',
    `${nameOf(node)}: the source gives other content, with the digest ${actual}`,
    {
      hint: 'nothing of it was kept; a proxy or cache on the way may be damaged',
    },
  );
}

async function fetchFrom(
  node: BlobNode,
  offset: number,
  from: number,
  { file, source, emit, signal, checkpoint }: FetchOptions,
  count: (bytes: number) => void,
): Promise<string> {
  const { digest } = node.descriptor;
  const hash = createHash(algorithmOf(digest));
  for await (const chunk of readRange(file, offset, from)) {
    hash.update(chunk);
    giveBack(chunk);
  }
  let placed = from;
  let mark = from;
  try {
    await drain(bodyOf(source, node), from, { what: nameOf(node), emit, signal }, (chunk) => {
      hash.update(chunk);
      write(file, chunk, offset + placed);
      placed += chunk.length;
      count(chunk.length);
      giveBack(chunk);
      if (placed - mark < CHECKPOINT) return undefined;
      mark = placed;
      return checkpoint(digest, placed);
    });
  } catch (error) {
    if (placed > mark) await checkpoint(digest, placed);
    throw error;
  }
  return `${algorithmOf(digest)}:${hash.digest('hex')}`;
}

function write(file: RandomFile, chunk: Uint8Array, position: number): void {
  try {
    file.writeNow(chunk, position);
  } catch (error) {
    throw writeFailure(error);
  }
}
