import { AirgapError } from '../base/errors.ts';
import type { ManifestContent } from '../oci/content.ts';
import { algorithmOf, digestOf } from '../oci/digest.ts';
import type { Referrer } from '../oci/referrer.ts';

/**
 * Reads the manifest of a referrer by its digest. One that a tag of cosign's ties to its subject is read by that tag where
 * its digest is not found: registry.k8s.io leads digests to regions that need not have what was pushed elsewhere
 * (github.com/kubernetes/registry.k8s.io, issue 324). What size a list or a HEAD says is not looked at.
 * @param read a manifest of the referrer's repository, by tag or digest
 * @throws AirgapError `image-not-found`, also when the tag stands for something else by now; what `read` throws
 */
export async function referrerManifest(
  read: (tagOrDigest: string) => Promise<ManifestContent>,
  { descriptor: { digest }, tag }: Pick<Referrer, 'descriptor' | 'tag'>,
): Promise<ManifestContent> {
  try {
    return await read(digest);
  } catch (error) {
    if (tag === undefined || !(error instanceof AirgapError) || error.code !== 'image-not-found') throw error;
    const { descriptor, bytes } = await read(tag);
    if (digestOf(bytes, algorithmOf(digest)) !== digest) throw error;
    return { descriptor: { mediaType: descriptor.mediaType, digest, size: bytes.length }, bytes };
  }
}
