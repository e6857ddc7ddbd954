import { AirgapError, isRefusal } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discardBody, responseHeader } from '../http/response-body.ts';
import { resolveUrl } from '../http/response-url.ts';
import { type Retryable, readRetryAfter, retryableStatus } from '../http/retry.ts';
import type { Body } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Repository } from '../oci/reference.ts';
import { headBlob } from './blobs.ts';
import { registryError } from './errors.ts';
import { directRoute } from './routes.ts';
import type { Session } from './session.ts';

/** Blob to store in a repository. */
export interface UploadRequest {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly body: Body;
  readonly mountFrom?: Repository | undefined;
  /** True when the repository is known to lack the blob. */
  readonly isMissing?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Reports whether the blob is stored; false when the registry refuses the request (405, 403). */
export async function isStored(session: Session, { repository, descriptor }: UploadRequest): Promise<boolean> {
  try {
    return await headBlob(session, directRoute(repository), descriptor);
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** Requests an upload session or, with `mountFrom`, a mount in a single attempt. */
export function postUpload(
  session: Session,
  upload: UploadRequest,
  what: string,
  mountFrom?: Repository,
): Promise<HttpResponse> {
  const { repository, descriptor, signal } = upload;
  return session.send({
    method: 'POST',
    repository,
    actions: 'pull,push',
    endpoint: { kind: 'uploads', ...(mountFrom && { mount: { digest: descriptor.digest, from: mountFrom } }) },
    body: { length: 0, open: () => new Uint8Array() },
    what,
    ...(mountFrom === undefined ? {} : { retry: false }),
    ...(mountFrom === undefined || mountFrom.path === repository.path ? {} : { alsoPull: mountFrom }),
    signal,
  });
}

/**
 * Requests a mount. A registry that does not mount opens an upload session instead; its URL is returned.
 * @returns undefined without a source, and when the mount fails: the credentials may lack access to the source, and
 *   some registries and proxies fail because of the query (500, a closed connection)
 */
export async function startMount(
  session: Session,
  upload: UploadRequest,
  what: string,
): Promise<URL | 'mounted' | 'present' | undefined> {
  const { repository, mountFrom, isMissing = false, signal } = upload;
  if (mountFrom?.registry !== repository.registry) return undefined;
  // A mount from the same repository checks whether the blob exists.
  const isSelfMount = mountFrom.path === repository.path;
  for (let attempt = 1; ; attempt++) {
    let failure: { readonly reason: string; readonly retryable: Retryable; readonly retryAfter?: number };
    try {
      const response = await postUpload(session, upload, what, mountFrom);
      await discardBody(response);
      if (response.status === 201) return isSelfMount ? 'present' : 'mounted';
      const location = uploadLocation(response);
      // The source has the blob, so this registry does not mount. The blob may still exist from an earlier push.
      const mayBePresent = location !== undefined && !isSelfMount && !isMissing;
      if (mayBePresent && (await isStored(session, upload))) return 'present';
      if (location !== undefined) return location;
      const retryable = retryableStatus(response.status);
      failure = {
        reason: `${response.url.host} returned ${response.status} to a mount`,
        retryable: retryable === 'yes' ? 'few' : retryable,
        retryAfter: readRetryAfter(response.headers),
      };
    } catch (error) {
      // The token server may refuse a token that includes the source. Whether the target can be written is asked next.
      if (!isSelfMount && isRefusal(error)) return undefined;
      if (!(error instanceof AirgapError) || error.code !== 'network') throw error;
      failure = { reason: error.message, retryable: 'few' };
    }
    // A mount from another repository saves the whole upload, so it is worth a few retries.
    if (isSelfMount || !(await session.transport.retrier.waitForRetry({ what, attempt, ...failure, signal })))
      return undefined;
  }
}

/** Opens an upload session and returns the URL for the PUT. */
export async function startUpload(session: Session, upload: UploadRequest, what: string): Promise<URL | 'present'> {
  const { registry } = upload.repository;
  const response = await postUpload(session, upload, what);
  const { status } = response;
  const location = uploadLocation(response);
  if (location !== undefined) {
    await discardBody(response);
    return location;
  }
  // Some registries return 201 to a POST without a mount when they have the blob.
  if (status === 201 && (await isStored(session, upload))) {
    await discardBody(response);
    return 'present';
  }
  if (status < 200 || status > 204) throw await registryError(response, { what, registry, writes: true });
  await discardBody(response);
  throw new AirgapError('registry', `${response.url.host} opened an upload session without a location`, {
    subject: what,
  });
}

/**
 * Returns the upload location of a response: 202 or, from some registries, 200 or 204 (as containerd accepts). A
 * registry behind a TLS proxy often returns an http URL, which is changed to https.
 */
function uploadLocation(response: HttpResponse): URL | undefined {
  const { status, url: base } = response;
  const location = responseHeader(response, 'location');
  if ((status !== 202 && status !== 200 && status !== 204) || location === undefined) return undefined;
  const url = resolveUrl(location, base);
  if (base.protocol === 'https:' && url?.protocol === 'http:' && url.hostname === base.hostname) {
    url.protocol = 'https:';
    url.port = base.port;
  }
  return url;
}
