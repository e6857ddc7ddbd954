import { createHash } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import { isSent } from '../http/body-sent.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard } from '../http/read.ts';
import { type Retryable, retryAfter } from '../http/retry.ts';
import { isUnanswered, type RequestBody } from '../http/send.ts';
import { algorithmOf, digestOf, encodedOf } from '../oci/digest.ts';
import { giveBack } from '../oci/loan.ts';
import { readComplaint } from './complaint.ts';
import { complain } from './errors.ts';
import { describePlace, directly } from './hosts.ts';
import { retryableRefusal } from './refusals.ts';
import type { Session } from './session.ts';
import { isStored, startMount, startUpload, type Upload } from './upload-start.ts';

/** Milliseconds. A registry verifies and moves the whole blob before it responds: 10 GB at 20 MB/s. */
const COMMIT_TIMEOUT = 10 * 60_000;
/** Maximum timeouts of that length: after two, a response is unlikely. */
const WAITS = 2;

/** Bytes that Node buffers for a connection before it applies backpressure (`highWaterMark` of net.Socket). */
const SENT = 64 * 1024;

/**
 * Maximum bytes of a body sent as a single chunk with the request headers: for small blobs, chunks are the main cost.
 */
const WHOLE = 512 * 1024;

/** Failed PUT that may be retried. */
interface Setback {
  readonly retryable: Retryable;
  readonly error: AirgapError;
  readonly after?: number;
}

/**
 * Stores a blob: by mount if a source is given, otherwise by POST and a monolithic PUT. Never by PATCH, because uploads
 * to ECR cannot be continued from its responses. Each retry uses a new session, after a check whether the previous one
 * succeeded after all.
 * @throws AirgapError `digest-mismatch`, errors of `body`, and those of a registry
 */
export async function uploadBlob(session: Session, upload: Upload): Promise<'stored' | 'mounted' | 'present'> {
  const { repository, descriptor, signal } = upload;
  const what = describePlace(directly(repository), descriptor.digest);
  let waits = 0;
  for (let attempt = 1; ; attempt++) {
    if (attempt > 1 && (await isStored(session, upload))) return 'stored';
    const started = (await startMount(session, upload, what)) ?? (await startUpload(session, upload, what));
    if (started === 'mounted' || started === 'present') return started;
    const setback = await put(session, upload, started, what);
    if (setback === undefined) return 'stored';
    const { retryable, error, after } = setback;
    if (isUnanswered(error)) waits++;
    const again = await session.transport.retrier.again({
      what,
      attempt,
      reason: error.message,
      retryable: waits < WAITS ? retryable : 'no',
      after,
      signal,
    });
    if (!again) throw error;
  }
}

async function put(session: Session, upload: Upload, location: URL, what: string): Promise<Setback | undefined> {
  const { repository, descriptor, signal } = upload;
  const url = new URL(location);
  // Appended as text: parsing and serializing the query would change parameters of the registry.
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(descriptor.digest)}`;
  const whole = descriptor.size <= WHOLE ? await readWhole(upload, what) : undefined;
  let response: HttpResponse;
  try {
    response = await session.send({
      method: 'PUT',
      repository,
      actions: 'pull,push',
      to: url,
      headers: { 'content-type': 'application/octet-stream' },
      body: whole === undefined ? verified(upload, what) : { length: whole.length, open: () => whole },
      retry: false,
      headersTimeout: COMMIT_TIMEOUT,
      what,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'network') return { retryable: 'yes', error };
    throw error;
  }
  const { status, url: answered } = response;
  if (status === 201 || status === 204) {
    await discard(response);
    if (whole !== undefined && isSent(whole)) giveBack(whole);
    return undefined;
  }
  if (status >= 200 && status < 300) {
    // Some registries return 200 or 202. Check that the blob is stored.
    await discard(response);
    if (await isStored(session, upload)) return undefined;
    const message = `${what}: ${answered.host} returned ${status} but does not have the blob`;
    return { retryable: 'few', error: new AirgapError('registry', message, { isTransient: true }) };
  }
  const complaint = await readComplaint(response);
  const error = complain(response, complaint, { what, registry: repository.registry, writes: true });
  // The content is verified before it is sent. It was damaged in transit or storage, or the session is gone (a
  // restarted registry, or another instance behind the same name, which may return a bare 404).
  const likely = retryableRefusal(status, complaint);
  const isGone = (status === 404 && complaint.code === '') || status === 416;
  const retryable = likely === 'no' && isGone ? 'few' : likely;
  return { retryable, error, after: retryAfter(response.headers) };
}

/**
 * Wraps a body with verification. The last chunk is held back until digest and size match, so a registry can never
 * commit damaged content.
 */
function verified({ descriptor, body, signal }: Upload, what: string): RequestBody {
  const { digest, size } = descriptor;
  const wrong = (actual: string): AirgapError => damaged(what, actual);
  async function* read(): AsyncGenerator<Uint8Array> {
    const hash = createHash(algorithmOf(digest));
    let length = 0;
    let held: Uint8Array | undefined;
    for await (const chunk of (await body.open(0, signal)) as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > size) throw wrong(`it has more than ${size} bytes`);
      hash.update(chunk);
      if (held !== undefined) {
        yield held;
        // When the next chunk is requested, a chunk that fills the socket buffer has been sent; a smaller one may not
        // be.
        if (held.length >= SENT) giveBack(held);
      }
      held = chunk;
    }
    if (length < size) throw wrong(`it has ${length} bytes instead of ${size}`);
    const actual = hash.digest('hex');
    if (actual !== encodedOf(digest)) throw wrong(`its digest is ${algorithmOf(digest)}:${actual}`);
    if (held !== undefined) yield held;
  }
  return { length: size, open: read };
}

/** Reads and verifies a small body. */
async function readWhole({ descriptor, body, signal }: Upload, what: string): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = await body.open(0, signal);
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject).on('end', resolve);
    stream.on('close', () => {
      if (!stream.readableEnded) reject(damaged(what, `it has ${length} bytes instead of ${size}`));
    });
    stream.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > size) stream.destroy(damaged(what, `it has more than ${size} bytes`));
      chunks.push(chunk);
    });
  });
  const [first] = chunks;
  const bytes = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
  if (length < size) throw damaged(what, `it has ${length} bytes instead of ${size}`);
  const actual = digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) throw damaged(what, `its digest is ${actual}`);
  return bytes;
}

function damaged(what: string, actual: string): AirgapError {
  return new AirgapError('digest-mismatch', `${what}: the content to send is damaged: ${actual}`, {
    hint: 'check the source with: helm airgap verify',
  });
}
