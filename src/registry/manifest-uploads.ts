import { AirgapError } from '../base/errors.ts';
import { discard } from '../http/read.ts';
import type { ManifestContent } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { complain, readComplaint } from './errors.ts';
import { describePlace, directly } from './hosts.ts';
import { digestHeader, headManifest } from './manifests.ts';
import type { Session } from './session.ts';

/** Milliseconds: a registry looks up every blob and child that a manifest names before it answers. */
const COMMIT_TIMEOUT = 5 * 60_000;

/**
 * What registries say of a manifest while they cannot see its blobs or children yet: caches and replicas that are behind
 * (OpenShift, Nexus), distribution (2.8, on a file system) while another client commits the same blob, when the link to it
 * is an empty file for a moment (DIGEST_INVALID). The content itself was checked before it was sent.
 */
const NOT_SEEN_YET: ReadonlySet<string> = new Set([
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
]);

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
    return new AirgapError('registry', `${what}: ${host} answers ${status} and does not have it`);
  }
  const complaint = await readComplaint(response);
  if (tag !== undefined && isTaken(status, complaint)) {
    const there = (await headManifest(session, directly(repository), tag))?.digest;
    if (there === digest) return { host, stored: there };
    if (there !== undefined) {
      throw new AirgapError('registry', `${what}: the tag is immutable and names ${there} already, not ${digest}`, {
        hint: 'push under another prefix, or allow the registry to overwrite this tag',
      });
    }
  }
  const error = complain(response, complaint, { what, registry: repository.registry, writes: true });
  if ((status === 400 || status === 404) && NOT_SEEN_YET.has(complaint.code)) return error;
  throw error;
}

/** ECR says 400 TAG_INVALID or ImageTagAlreadyExists, Harbor 412 PRECONDITION. */
function isTaken(status: number, { code, message }: { readonly code: string; readonly message: string }): boolean {
  return (
    (status === 400 || status === 409 || status === 412) &&
    /TAG_INVALID|TAG.?ALREADY|immutable|already exists/i.test(`${code} ${message}`)
  );
}
