import { createHash } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { discard, headerOf } from '../http/read.ts';
import { parseRetryAfter, type Retryable, retryableStatus } from '../http/retry.ts';
import type { RequestBody } from '../http/transport.ts';
import type { Body } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, digestOf, encodedOf } from '../oci/digest.ts';
import { giveBack } from '../oci/loan.ts';
import type { Repository } from '../oci/reference.ts';
import { headBlob } from './blobs.ts';
import { complain, readComplaint, registryError } from './errors.ts';
import { describePlace, directly } from './hosts.ts';
import type { Session } from './session.ts';

/** Milliseconds. A registry verifies and moves the whole blob before it answers: 10 GB at 20 MB/s. */
const COMMIT_TIMEOUT = 10 * 60_000;

/** Bytes that Node holds for a connection before it tells the writer to wait (`highWaterMark` of net.Socket). */
const SENT = 64 * 1024;

/** Bytes of a body that is sent in one piece, with the head of its request: what most blobs cost is the pieces. */
const WHOLE = 512 * 1024;

export interface Upload {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly body: Body;
  readonly mountFrom?: Repository;
  readonly signal?: AbortSignal;
}

/** One try's result, where it is not the end. */
interface Setback {
  readonly retryable: Retryable;
  readonly error: AirgapError;
  readonly after?: number;
}

/**
 * Stores a blob: a mount where one is offered, else POST and one PUT with everything in it. Never PATCH: ECR's answers to
 * it cannot be continued from. Each repetition is a new session, after asking whether the last one got through after all.
 * @throws AirgapError `digest-mismatch`, what `body` throws, and those of a registry
 */
export async function uploadBlob(session: Session, upload: Upload): Promise<'stored' | 'mounted' | 'present'> {
  const { repository, descriptor, signal } = upload;
  const what = describePlace(directly(repository), descriptor.digest);
  for (let attempt = 1; ; attempt++) {
    if (attempt > 1 && (await headBlob(session, directly(repository), descriptor))) return 'stored';
    const started = await start(session, upload, what);
    if (started === 'mounted') return upload.mountFrom?.path === repository.path ? 'present' : 'mounted';
    const setback = await put(session, upload, started, what);
    if (setback === undefined) return 'stored';
    const { retryable, error, after } = setback;
    const again = await session.transport.retrier.again({
      what,
      attempt,
      reason: error.message,
      retryable,
      ...(after === undefined ? {} : { after }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (!again) throw error;
  }
}

/** Opens an upload session, or mounts. The URL is where the PUT goes. */
async function start(session: Session, upload: Upload, what: string): Promise<URL | 'mounted'> {
  const { repository, descriptor, mountFrom, signal } = upload;
  const post = (from: Repository | undefined): Promise<HttpResponse> =>
    session.send({
      method: 'POST',
      repository,
      actions: 'pull,push',
      to: { kind: 'uploads', ...(from && { mount: { digest: descriptor.digest, from } }) },
      body: { length: 0, open: () => new Uint8Array() },
      what,
      ...(from === undefined || from.path === repository.path ? {} : { alsoPull: from }),
      ...(signal === undefined ? {} : { signal }),
    });
  const from = mountFrom?.registry === repository.registry ? mountFrom : undefined;
  let response = await post(from);
  if (from !== undefined && response.status === 201) {
    await discard(response);
    return 'mounted';
  }
  if (from !== undefined && response.status >= 400 && response.status < 500) {
    // The source of the mount may be out of reach for these credentials; that is no reason not to upload.
    await discard(response);
    response = await post(undefined);
  }
  const location = headerOf(response, 'location');
  if (response.status !== 202)
    throw await registryError(response, { what, registry: repository.registry, writes: true });
  await discard(response);
  if (location === undefined || !URL.canParse(location, response.url.href)) {
    throw new AirgapError('registry', `${what}: ${response.url.host} opens an upload without saying where`);
  }
  return sessionUrl(location, response.url);
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

async function put(session: Session, upload: Upload, location: URL, what: string): Promise<Setback | undefined> {
  const { repository, descriptor, signal } = upload;
  const url = new URL(location);
  // Appended as text: parsing and writing the query again would change what the registry put there.
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
  if (response.status === 201 || response.status === 204) {
    await discard(response);
    if (whole !== undefined) giveBack(whole);
    return undefined;
  }
  const complaint = await readComplaint(response);
  const error = complain(response, complaint, { what, registry: repository.registry, writes: true });
  // The session is gone: restarted registry, or another instance behind the same name.
  const lost = complaint.code === 'BLOB_UPLOAD_UNKNOWN' || complaint.code === 'BLOB_UPLOAD_INVALID';
  const retryable = lost ? 'yes' : retryableStatus(response.status);
  const after = parseRetryAfter(response.headers['retry-after'], Date.now());
  return { retryable, error, ...(after === undefined ? {} : { after }) };
}

/**
 * The body, hashed on its way. The last piece is held back until all of it is known to be right, so a registry never
 * gets to commit what is wrong.
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
      if (length > size) throw wrong(`longer than the ${size} bytes it should have`);
      hash.update(chunk);
      if (held !== undefined) {
        yield held;
        // Asked for the next one, the connection has sent this: what fills its buffer is waited for, and less may not be.
        if (held.length >= SENT) giveBack(held);
      }
      held = chunk;
    }
    if (length < size) throw wrong(`${length} bytes long and not ${size}`);
    const actual = hash.digest('hex');
    if (actual !== encodedOf(digest)) throw wrong(`${algorithmOf(digest)}:${actual}`);
    if (held !== undefined) yield held;
  }
  return { length: size, open: read };
}

/** All of a small body, verified. */
async function readWhole({ descriptor, body, signal }: Upload, what: string): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = await body.open(0, signal);
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject).on('end', resolve);
    stream.on('close', () => {
      if (!stream.readableEnded) reject(damaged(what, `${length} bytes long and not ${size}`));
    });
    stream.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > size) stream.destroy(damaged(what, `longer than the ${size} bytes it should have`));
      chunks.push(chunk);
    });
  });
  const [first] = chunks;
  const bytes = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
  if (length < size) throw damaged(what, `${length} bytes long and not ${size}`);
  const actual = digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) throw damaged(what, actual);
  return bytes;
}

function damaged(what: string, actual: string): AirgapError {
  return new AirgapError('digest-mismatch', `${what}: the content to send is ${actual}`, {
    hint: 'the source is damaged; check it with: helm airgap verify',
  });
}
