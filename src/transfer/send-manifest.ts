import { isRefusal } from '../base/errors.ts';
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
    let lost = false;
    for (const blob of blobs) {
      if (await isThere(sink, repository, blob)) continue;
      lost = true;
      await resend(blob);
    }
    if (!lost) throw error;
    await sink.putManifest(repository, { descriptor, bytes }, tag);
  }
}

/** A registry that refuses to say has not said that the blob is lost. */
async function isThere(sink: Sink, repository: Repository, blob: Descriptor): Promise<boolean> {
  try {
    return await sink.hasBlob(repository, blob);
  } catch (error) {
    if (isRefusal(error)) return true;
    throw error;
  }
}
