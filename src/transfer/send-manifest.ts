import { AirgapError, isRefusal } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { ManifestNode } from '../oci/graph.ts';
import type { Repository } from '../oci/reference.ts';

/**
 * Stores a manifest whose blobs are in the repository. Where the registry refuses it and lacks one of these blobs, which it
 * has said it stored or mounted before, that is sent again, and then the manifest.
 * @param resend uploads a blob without a mount
 * @throws AirgapError what the sink throws; of a registry that has all blobs, its refusal
 */
export async function sendManifest(
  sink: Sink,
  repository: Repository,
  { descriptor, bytes, blobs }: Pick<ManifestNode, 'descriptor' | 'bytes' | 'blobs'>,
  tag: string | undefined,
  resend: (blob: Descriptor) => Promise<void>,
): Promise<void> {
  try {
    await sink.putManifest(repository, { descriptor, bytes }, tag);
  } catch (error) {
    // Other refusals are of the manifest itself, or of who sends it.
    if (!isRefusal(error) || (error.code !== 'registry' && error.code !== 'image-not-found')) throw error;
    const lost = await lostBlobs(sink, repository, blobs);
    if (lost.length === 0) throw error;
    for (const blob of lost) await resend(blob);
    await sink.putManifest(repository, { descriptor, bytes }, tag);
  }
}

/** The blobs that a repository lacks; none where it refuses to say, or fails of everything at the moment. */
async function lostBlobs(sink: Sink, repository: Repository, blobs: readonly Descriptor[]): Promise<Descriptor[]> {
  const lost: Descriptor[] = [];
  try {
    for (const blob of blobs) if (!(await sink.hasBlob(repository, blob))) lost.push(blob);
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'interrupted') throw error;
    return [];
  }
  return lost;
}
