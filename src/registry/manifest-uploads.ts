import { AirgapError } from '../base/errors.ts';
import { readErrorBody } from '../http/error-body.ts';
import { discardBody } from '../http/response-body.ts';
import type { ManifestContent } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { errorFromBody, tagConflictError } from './errors.ts';
import { digestHeader, headManifest } from './manifests.ts';
import { mayBeTagConflict, retryableRefusal } from './refusals.ts';
import { describeRoute, directRoute } from './routes.ts';
import type { Session } from './session.ts';

/** Milliseconds. A registry checks every blob and child manifest before it responds. */
const COMMIT_TIMEOUT = 5 * 60_000;
/** Maximum timeouts of that length: after two, a response is unlikely. */
const MAX_TIMEOUTS = 2;

/**
 * Stores a manifest by digest, or under a tag, which also stores it by digest. An immutable tag that already has this
 * digest counts as stored (ECR returns TAG_INVALID even then).
 * @throws AirgapError `digest-mismatch` when the registry stored something else, `tag-conflict`
 */
export async function uploadManifest(
  session: Session,
  repository: Repository,
  content: ManifestContent,
  tag?: string,
): Promise<void> {
  const { digest } = content.descriptor;
  const what = describeRoute(directRoute(repository), tag ?? digest);
  for (let attempt = 1; ; attempt++) {
    const outcome = await putOnce(session, repository, content, tag);
    const error = outcome instanceof AirgapError ? outcome : mismatchError(outcome, digest, what);
    if (error === undefined) return;
    const mayRetry = await session.transport.retrier.waitForRetry({
      what,
      attempt,
      reason: error.message,
      retryable: 'few',
    });
    if (!mayRetry) throw error;
  }
}

/** Host, and the digest that it reports as stored. */
interface StoredManifest {
  readonly host: string;
  readonly stored?: string | undefined;
}

/** Returns an error when another digest was stored. The tag points to it now, so the upload has to be retried. */
function mismatchError({ host, stored }: StoredManifest, digest: Digest, what: string): AirgapError | undefined {
  if (!stored?.startsWith(digest.slice(0, 7)) || stored === digest) return undefined;
  return new AirgapError('digest-mismatch', `${host} stored ${stored} instead of ${digest}`, { subject: what });
}

/**
 * Sends the manifest once.
 * @returns an error when a retry may succeed
 */
async function putOnce(
  session: Session,
  repository: Repository,
  { descriptor, bytes }: ManifestContent,
  tag: string | undefined,
): Promise<StoredManifest | AirgapError> {
  const { digest, mediaType } = descriptor;
  const reference = tag ?? digest;
  const what = describeRoute(directRoute(repository), reference);
  const response = await session.send({
    method: 'PUT',
    repository,
    actions: 'pull,push',
    endpoint: { kind: 'manifests', reference },
    headers: { 'content-type': mediaType },
    body: { length: bytes.length, open: () => bytes },
    headersTimeout: COMMIT_TIMEOUT,
    maxTimeouts: MAX_TIMEOUTS,
    what,
  });
  const { host } = response.url;
  const { status } = response;
  if (status === 201 || status === 204) {
    await discardBody(response);
    return { host, stored: digestHeader(response) };
  }
  if (status >= 200 && status < 300) {
    // Some registries return 200 or 202. Check that the manifest is stored.
    await discardBody(response);
    const stored = (await headManifest(session, directRoute(repository), reference))?.digest;
    if (stored !== undefined) return { host, stored };
    return new AirgapError('registry', `${host} returned ${status} but does not have the manifest`, {
      subject: what,
      isTransient: true,
    });
  }
  const errorBody = await readErrorBody(response);
  if (tag !== undefined && mayBeTagConflict(status, errorBody)) {
    const existing = (await headManifest(session, directRoute(repository), tag))?.digest;
    if (existing === digest) return { host, stored: existing };
    if (existing !== undefined) throw tagConflictError(response, errorBody, { what, existing, digest });
  }
  const context = { what, registry: repository.registry, writes: true, isManifest: true };
  const error = errorFromBody(response, errorBody, context);
  // The content was verified before it was sent. Its blobs or children may not be visible yet, because of stale caches
  // and replicas (OpenShift, Nexus), or because distribution on a file system cannot read the link to a blob while
  // another client commits it (2.8: DIGEST_INVALID).
  if (retryableRefusal(status, errorBody) === 'few') return error;
  throw error;
}
