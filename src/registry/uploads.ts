import { createHash } from 'node:crypto';
import { AirgapError, isRefusal } from '../base/errors.ts';
import { readErrorBody } from '../http/error-body.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discardBody } from '../http/response-body.ts';
import { type Retryable, readRetryAfter } from '../http/retry.ts';
import { isHeadersTimeout, type RequestBody } from '../http/send.ts';
import { releaseBuffer } from '../oci/buffer-pool.ts';
import { algorithmOf, digestOf, encodedOf } from '../oci/digest.ts';
import { errorFromBody } from './errors.ts';
import { retryableRefusal } from './refusals.ts';
import { describeRoute, directRoute } from './routes.ts';
import type { Session } from './session.ts';
import { isStored, postUpload, startMount, startUpload, type UploadRequest } from './upload-start.ts';

/** Milliseconds. A registry verifies and moves the whole blob before it responds: 10 GB at 20 MB/s. */
const COMMIT_TIMEOUT = 10 * 60_000;
/** Maximum timeouts of that length: after two, a response is unlikely. */
const MAX_TIMEOUTS = 2;

/** Bytes that Node buffers for a connection before it applies backpressure (`highWaterMark` of net.Socket). */
const SOCKET_BUFFER = 64 * 1024;

/**
 * Maximum bytes of a body sent as a single chunk with the request headers. In chunks, a `push` of 560 small blobs took 26 %
 * more processor time (9 paired rounds, 2026-11-22).
 */
const SINGLE_CHUNK_LIMIT = 512 * 1024;

/** Failed PUT that may be retried. */
interface FailedPut {
  readonly retryable: Retryable;
  readonly error: AirgapError;
  readonly retryAfter?: number;
}

/**
 * Stores a blob: by mount if a source is given, otherwise by POST and a monolithic PUT. Never by PATCH, because uploads
 * to ECR cannot be continued from its responses. Each retry uses a new session, after a check whether the previous one
 * succeeded after all. Damaged content is read from another mirror, if there is one.
 * @throws AirgapError `digest-mismatch`, errors of `body`, and those of a registry
 */
export async function uploadBlob(session: Session, upload: UploadRequest): Promise<'stored' | 'mounted' | 'present'> {
  const { repository, descriptor, signal } = upload;
  const what = describeRoute(directRoute(repository), descriptor.digest);
  let timeouts = 0;
  for (let attempt = 1; ; attempt++) {
    if (attempt > 1 && (await isStored(session, upload))) return 'stored';
    const started = (await startMount(session, upload, what)) ?? (await startUpload(session, upload, what));
    if (started === 'mounted' || started === 'present') return started;
    const failure = await putOnce(session, upload, started, what).catch((error) => readElsewhere(upload, error));
    if (failure === undefined) return 'stored';
    const { retryable, error, retryAfter } = failure;
    if (isHeadersTimeout(error)) timeouts++;
    const mayRetry = await session.transport.retrier.waitForRetry({
      what,
      attempt,
      reason: error.message,
      retryable: timeouts < MAX_TIMEOUTS ? retryable : 'no',
      retryAfter,
      signal,
    });
    if (!mayRetry) throw error;
  }
}

/** Returns a failure to retry if the content to send was damaged and can be read from elsewhere. @throws the error */
function readElsewhere({ body }: UploadRequest, error: unknown): FailedPut {
  const isDamaged = error instanceof AirgapError && error.code === 'digest-mismatch';
  if (isDamaged && body.reject?.()) return { retryable: 'few', error };
  throw error;
}

async function putOnce(
  session: Session,
  upload: UploadRequest,
  location: URL,
  what: string,
): Promise<FailedPut | undefined> {
  const { repository, descriptor, signal } = upload;
  const url = new URL(location);
  // Appended as text: parsing and serializing the query would change parameters of the registry.
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(descriptor.digest)}`;
  const wholeBody = descriptor.size <= SINGLE_CHUNK_LIMIT ? await readVerified(upload, what) : undefined;
  let response: HttpResponse;
  try {
    response = await session.send({
      method: 'PUT',
      repository,
      actions: 'pull,push',
      endpoint: url,
      headers: { 'content-type': 'application/octet-stream' },
      body: wholeBody === undefined ? verifiedBody(upload, what) : { length: wholeBody.length, open: () => wholeBody },
      retry: false,
      headersTimeout: COMMIT_TIMEOUT,
      what,
      signal,
    });
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'network') return { retryable: 'yes', error };
    throw error;
  }
  const { status, url: responseUrl } = response;
  if (status === 201 || status === 204) {
    await discardBody(response);
    return undefined;
  }
  if (status >= 200 && status < 300) {
    // Some registries return 200 or 202. Check that the blob is stored.
    await discardBody(response);
    if (await isStored(session, upload)) return undefined;
    const reason = `${responseUrl.host} returned ${status} but does not have the blob`;
    return { retryable: 'few', error: new AirgapError('registry', reason, { subject: what, isTransient: true }) };
  }
  const errorBody = await readErrorBody(response);
  const error = errorFromBody(response, errorBody, { what, registry: repository.registry, writes: true });
  // The content is verified before it is sent. It was damaged in transit or storage, or the session is gone (a
  // restarted registry, or another instance behind the same name, which may return a bare 404).
  const retryableByBody = retryableRefusal(status, errorBody);
  const isGone = (status === 404 && errorBody.code === '') || status === 416;
  const retryable = retryableByBody === 'no' && isGone ? 'few' : retryableByBody;
  return { retryable, error, retryAfter: readRetryAfter(response.headers) };
}

/**
 * Wraps a body with verification. The last chunk is held back until digest and size match, so a registry can never
 * commit damaged content.
 */
function verifiedBody({ descriptor, body, signal }: UploadRequest, what: string): RequestBody {
  const { digest, size } = descriptor;
  const contentError = (actual: string): AirgapError => damagedContentError(what, actual);
  async function* read(): AsyncGenerator<Uint8Array> {
    const hash = createHash(algorithmOf(digest));
    let length = 0;
    let previous: Uint8Array | undefined;
    for await (const chunk of (await body.open(0, signal)) as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > size) throw contentError(`it has more than ${size} bytes`);
      hash.update(chunk);
      if (previous !== undefined) {
        yield previous;
        // When the next chunk is requested, a chunk that fills the socket buffer has been sent; a smaller one may not
        // be.
        if (previous.length >= SOCKET_BUFFER) releaseBuffer(previous);
      }
      previous = chunk;
    }
    if (length < size) throw contentError(`it has ${length} bytes instead of ${size}`);
    const actual = hash.digest('hex');
    if (actual !== encodedOf(digest)) throw contentError(`its digest is ${algorithmOf(digest)}:${actual}`);
    if (previous !== undefined) yield previous;
  }
  return { length: size, open: read };
}

/** Reads and verifies a small body. */
async function readVerified({ descriptor, body, signal }: UploadRequest, what: string): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (await body.open(0, signal)) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > size) throw damagedContentError(what, `it has more than ${size} bytes`);
    chunks.push(chunk);
  }
  // A copy, because nothing tells when Node has sent the body; the memory of the chunks is free at once.
  const bytes = Buffer.concat(chunks);
  for (const chunk of chunks) releaseBuffer(chunk);
  if (length < size) throw damagedContentError(what, `it has ${length} bytes instead of ${size}`);
  const actual = digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) throw damagedContentError(what, `its digest is ${actual}`);
  return bytes;
}

function damagedContentError(what: string, actual: string): AirgapError {
  return new AirgapError('digest-mismatch', 'the content to send is damaged', {
    subject: what,
    detail: actual,
    hint: 'check the source with: helm airgap verify',
  });
}

/**
 * Learns which registries can check for a blob by mounting it from a repository into itself: 201 when it exists, an
 * upload session when it does not (distribution, Harbor, Zot). That saves a request per blob. A registry that ignores
 * mounts (Docker Hub at times) would get blobs twice, and one that returns 201 to every mount (Gitea in 2022) would not
 * get them at all. Self-mounts are therefore trusted only after one correct result of each kind.
 */
export class SelfMounts {
  readonly #session: Session;
  /** By registry; false while it is being tested. */
  readonly #isReliable = new Map<string, boolean>();

  constructor(session: Session) {
    this.#session = session;
  }

  isReliable(registry: string): boolean {
    return this.#isReliable.get(registry) ?? false;
  }

  /** Stores a blob that the registry is known to lack. The first blob of each registry tests its self-mounts. */
  async upload(upload: UploadRequest): Promise<'stored' | 'mounted' | 'present'> {
    const { registry } = upload.repository;
    if (upload.mountFrom !== undefined || this.#isReliable.has(registry)) return uploadBlob(this.#session, upload);
    this.#isReliable.set(registry, false);
    const outcome = await uploadBlob(this.#session, { ...upload, mountFrom: upload.repository });
    // Another client may have uploaded it meanwhile, or the registry returns 201 to every mount.
    if (outcome === 'present')
      return (await isStored(this.#session, upload)) ? outcome : uploadBlob(this.#session, upload);
    this.#isReliable.set(registry, await this.#canSelfMount(upload));
    return outcome;
  }

  /** Reports whether a blob that was just stored can be mounted from its own repository. */
  async #canSelfMount(upload: UploadRequest): Promise<boolean> {
    const { repository, descriptor } = upload;
    const what = describeRoute(directRoute(repository), descriptor.digest);
    try {
      const response = await postUpload(this.#session, upload, what, repository);
      await discardBody(response);
      return response.status === 201;
    } catch (error) {
      // The blob is stored, so a failed test is not an error.
      if (isRefusal(error) || (error instanceof AirgapError && error.code === 'network')) return false;
      throw error;
    }
  }
}
