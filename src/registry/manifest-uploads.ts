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

/** Milliseconds: a registry looks up every blob and child that a manifest names before it answers. */
const COMMIT_TIMEOUT = 5 * 60_000;
/** How often that long is waited: who does not answer twice does not answer. */
const WAITS = 2;

/**
 * Stores a manifest by its digest, or under a tag, which stores it by digest as well.
 * A tag that may not be overwritten is done when it has this very digest already (ECR answers TAG_INVALID even then).
 * @throws AirgapError `digest-mismatch` when the registry stored something else, `registry` when the tag is taken
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

/** What a registry says that it has stored. */
interface Stored {
  readonly host: string;
  readonly stored?: string | undefined;
}

/** What was stored is something else: the tag names that now, and writing it again is what puts it right. */
function mismatch({ host, stored }: Stored, digest: Digest, what: string): AirgapError | undefined {
  if (!stored?.startsWith(digest.slice(0, 7)) || stored === digest) return undefined;
  return new AirgapError('digest-mismatch', `${what}: ${host} stored ${stored} where ${digest} was sent`);
}

/**
 * Sends it once.
 * @returns an error where sending it again may help
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
    // Some registries end with 200 or 202. Whether they have stored it, they can be asked.
    await discard(response);
    const stored = (await headManifest(session, directly(repository), reference))?.digest;
    if (stored !== undefined) return { host, stored };
    return new AirgapError('registry', `${what}: ${host} answers ${status} and does not have it`, {
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
  // The content was checked before it was sent. Its blobs or children may not be seen yet: by caches and replicas that are
  // behind (OpenShift, Nexus), or by distribution on a file system, which cannot read the link to a blob for the moment in
  // which another client commits it (2.8: DIGEST_INVALID).
  if (retryableRefusal(status, complaint) === 'few') return error;
  throw error;
}
