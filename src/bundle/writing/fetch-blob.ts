import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { Source } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BlobNode } from '../../oci/graph.ts';
import { bodyOf, nameOf } from '../../oci/steady.ts';
import type { RandomFile } from '../files/random-file.ts';
import { Placing } from './placing.ts';
import { drainWide, WIDTH, type Width } from './wide.ts';

export interface FetchOptions {
  readonly file: RandomFile;
  readonly source: Source;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Whether no other large blob is on its way beside this one. Left out, there may be others. */
  readonly isAlone?: () => boolean;
  /** When more than one connection is tried for a blob. */
  readonly width?: Width;
  /** Called when so many bytes of the blob are in place. */
  readonly checkpoint: (digest: Digest, bytes: number) => Promise<void>;
}

/** Fetches a blob to its place, as `fetchBlob` does, from a source of its own. */
export type BlobFetcher = (
  node: BlobNode,
  offset: number,
  have: number,
  steps: Omit<FetchOptions, 'source' | 'isAlone' | 'width'>,
) => Promise<number>;

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
  { file, source, emit, signal, checkpoint, isAlone = () => false, width = WIDTH }: FetchOptions,
  count: (bytes: number) => void,
): Promise<string> {
  const placing = new Placing(file, offset, node.descriptor.digest, checkpoint);
  await placing.begin(from);
  try {
    await drainWide(bodyOf(source, node), placing, { what: nameOf(node), emit, signal, isAlone, width }, count);
  } catch (error) {
    await placing.note();
    throw error;
  }
  return placing.digest();
}
