import { AirgapError, isRefusal } from '../base/errors.ts';
import type { Sink } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { ManifestNode } from '../oci/graph.ts';
import type { Repository } from '../oci/reference.ts';

/**
 * Pushes a manifest whose blobs are in the repository. If the registry refuses it and lacks blobs that it reported as
 * stored or mounted, these blobs are uploaded again, and the manifest is pushed once more.
 * @param resend uploads a blob without a mount
 * @throws AirgapError of the sink; the refusal, if the registry has all blobs
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
    // Other refusals concern the manifest itself or the credentials.
    if (!isRefusal(error) || (error.code !== 'registry' && error.code !== 'image-not-found')) throw error;
    const lost = await lostBlobs(sink, repository, blobs);
    if (lost.length === 0) throw error;
    for (const blob of lost) await resend(blob);
    await sink.putManifest(repository, { descriptor, bytes }, tag);
  }
}

/** Returns the blobs that a repository lacks; none if the requests fail. */
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
