import { AirgapError, isRefusal } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard, headerOf } from '../http/read.ts';
import { type Retryable, retryAfter, retryableStatus } from '../http/retry.ts';
import type { Body } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Repository } from '../oci/reference.ts';
import { headBlob } from './blobs.ts';
import { registryError } from './errors.ts';
import { directly } from './hosts.ts';
import type { Session } from './session.ts';

/** A blob to be stored. */
export interface Upload {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly body: Body;
  readonly mountFrom?: Repository | undefined;
  /** The repository has been asked, and lacks it. */
  readonly isMissing?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Whether the blob is there. A registry that refuses to say so (405, 403) has not said that it is. */
export async function isStored(session: Session, { repository, descriptor }: Upload): Promise<boolean> {
  try {
    return await headBlob(session, directly(repository), descriptor);
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** Asks for an upload session; with `from`, for a mount, in one try. */
export function postUpload(session: Session, upload: Upload, what: string, from?: Repository): Promise<HttpResponse> {
  const { repository, descriptor, signal } = upload;
  return session.send({
    method: 'POST',
    repository,
    actions: 'pull,push',
    to: { kind: 'uploads', ...(from && { mount: { digest: descriptor.digest, from } }) },
    body: { length: 0, open: () => new Uint8Array() },
    what,
    ...(from === undefined ? {} : { retry: false }),
    ...(from === undefined || from.path === repository.path ? {} : { alsoPull: from }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Offers a mount. A registry that does not mount opens an upload session instead, which is used.
 * @returns undefined where there is none to offer, or where it fails: the source may be out of reach for these
 *   credentials, and some registries and proxies fail of the query itself (500, a closed connection)
 */
export async function startMount(
  session: Session,
  upload: Upload,
  what: string,
): Promise<URL | 'mounted' | 'present' | undefined> {
  const { repository, mountFrom: from, isMissing = false, signal } = upload;
  if (from?.registry !== repository.registry) return undefined;
  // From its own repository a mount asks whether the blob is there.
  const isQuestion = from.path === repository.path;
  for (let attempt = 1; ; attempt++) {
    let failure: { readonly reason: string; readonly retryable: Retryable; readonly after?: number };
    try {
      const response = await postUpload(session, upload, what, from);
      await discard(response);
      if (response.status === 201) return isQuestion ? 'present' : 'mounted';
      const location = uploadLocation(response);
      // The other repository has it, so this registry does not mount; what came with an earlier push is not sent again.
      const isAsked = location !== undefined && !isQuestion && !isMissing;
      if (isAsked && (await isStored(session, upload))) return 'present';
      if (location !== undefined) return location;
      const retryable = retryableStatus(response.status);
      failure = {
        reason: `${response.url.host} answers ${response.status} to a mount`,
        retryable: retryable === 'yes' ? 'few' : retryable,
        after: retryAfter(response.headers),
      };
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code !== 'network') throw error;
      failure = { reason: error.message, retryable: 'few' };
    }
    // A mount from another repository saves all the bytes, and is worth a few tries.
    if (isQuestion || !(await session.transport.retrier.again({ what, attempt, ...failure, signal }))) return undefined;
  }
}

/** Opens an upload session. The URL is where the PUT goes. */
export async function startUpload(session: Session, upload: Upload, what: string): Promise<URL | 'present'> {
  const { registry } = upload.repository;
  const response = await postUpload(session, upload, what);
  const { status } = response;
  const location = uploadLocation(response);
  if (location !== undefined) {
    await discard(response);
    return location;
  }
  // To some registries a POST without a mount is enough to say that they have the blob.
  if (status === 201 && (await isStored(session, upload))) {
    await discard(response);
    return 'present';
  }
  if (status < 200 || status > 204) throw await registryError(response, { what, registry, writes: true });
  await discard(response);
  throw new AirgapError('registry', `${what}: ${response.url.host} opens an upload without saying where`);
}

/** Where an upload goes on that an answer opens: 202, and of some registries 200 or 204 (containerd takes these, too). */
function uploadLocation(response: HttpResponse): URL | undefined {
  const { status, url } = response;
  const location = headerOf(response, 'location');
  if (status !== 202 && status !== 200 && status !== 204) return undefined;
  return location !== undefined && URL.canParse(location, url.href) ? sessionUrl(location, url) : undefined;
}

/** A registry behind a TLS proxy often believes that it is spoken to in plain HTTP; the way we came is the right one. */
function sessionUrl(location: string, base: URL): URL {
  const url = new URL(location, base);
  if (base.protocol === 'https:' && url.protocol === 'http:' && url.hostname === base.hostname) {
    url.protocol = 'https:';
    url.port = base.port;
  }
  return url;
}
