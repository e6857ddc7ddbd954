import { AirgapError } from '../base/errors.ts';
import { discard } from '../http/read.ts';
import type { ManifestContent } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { readComplaint } from './complaint.ts';
import { complain, tagTaken } from './errors.ts';
import { describePlace, directly } from './hosts.ts';
import { digestHeader, headManifest } from './manifests.ts';
import { mayBeTaken, retryableRefusal } from './refusals.ts';
import type { Session } from './session.ts';

/** Milliseconds. A registry checks every blob and child manifest before it responds. */
const COMMIT_TIMEOUT = 5 * 60_000;
/** Maximum timeouts of that length: after two, a response is unlikely. */
const WAITS = 2;

/**
 * Stores a manifest by digest, or under a tag, which also stores it by digest. An immutable tag that already has this
 * digest counts as stored (ECR returns TAG_INVALID even then).
 * @throws AirgapError `digest-mismatch` when the registry stored something else, `registry` for a tag conflict
 */
export async function uploadManifest(
  session: Session,
  repository: Repository,
  content: ManifestContent,
  tag?: string,
): Promise<void> {
  const { digest } = content.descriptor;
  const what = describePlace(directly(repository), tag ?? digest);
  for (let attempt = 1; ; attempt++) {
    const ended = await put(session, repository, content, tag);
    const error = ended instanceof AirgapError ? ended : mismatch(ended, digest, what);
    if (error === undefined) return;
    const again = await session.transport.retrier.again({ what, attempt, reason: error.message, retryable: 'few' });
    if (!again) throw error;
  }
}

/** Host, and the digest that it reports as stored. */
interface Stored {
  readonly host: string;
  readonly stored?: string | undefined;
}

/** Returns an error when another digest was stored. The tag points to it now, so the upload has to be retried. */
function mismatch({ host, stored }: Stored, digest: Digest, what: string): AirgapError | undefined {
  if (!stored?.startsWith(digest.slice(0, 7)) || stored === digest) return undefined;
  return new AirgapError('digest-mismatch', `${what}: ${host} stored ${stored} instead of ${digest}`);
}

/**
 * Sends the manifest once.
 * @returns an error when a retry may succeed
 */
async function put(
  session: Session,
  repository: Repository,
  { descriptor, bytes }: ManifestContent,
  tag: string | undefined,
): Promise<Stored | AirgapError> {
  const { digest, mediaType } = descriptor;
  const reference = tag ?? digest;
  const what = describePlace(directly(repository), reference);
  const response = await session.send({
    method: 'PUT',
    repository,
    actions: 'pull,push',
    to: { kind: 'manifests', reference },
    headers: { 'content-type': mediaType },
    body: { length: bytes.length, open: () => bytes },
    headersTimeout: COMMIT_TIMEOUT,
    waits: WAITS,
    what,
  });
  const { host } = response.url;
  const { status } = response;
  if (status === 201 || status === 204) {
    await discard(response);
    return { host, stored: digestHeader(response) };
  }
  if (status >= 200 && status < 300) {
    // Some registries return 200 or 202. Check that the manifest is stored.
    await discard(response);
    const stored = (await headManifest(session, directly(repository), reference))?.digest;
    if (stored !== undefined) return { host, stored };
    return new AirgapError('registry', `${what}: ${host} returned ${status} but does not have the manifest`, {
      isTransient: true,
    });
  }
  const complaint = await readComplaint(response);
  if (tag !== undefined && mayBeTaken(status, complaint)) {
    const there = (await headManifest(session, directly(repository), tag))?.digest;
    if (there === digest) return { host, stored: there };
    if (there !== undefined) throw tagTaken(response, complaint, { what, there, digest });
  }
  const about = { what, registry: repository.registry, writes: true, isManifest: true };
  const error = complain(response, complaint, about);
  // The content was verified before it was sent. Its blobs or children may not be visible yet, because of stale caches
  // and replicas (OpenShift, Nexus), or because distribution on a file system cannot read the link to a blob while
  // another client commits it (2.8: DIGEST_INVALID).
  if (retryableRefusal(status, complaint) === 'few') return error;
  throw error;
}
