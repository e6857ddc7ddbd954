import { AirgapError } from '../base/errors.ts';
import { type Emit, silent } from '../base/events.ts';
import { readCertificates, trustedCertificates } from './certificates.ts';
import type { ClientCertificate, HostCertificates } from './client-certificate.ts';
import { createDispatchers } from './dispatchers.ts';
import { exchange, type HttpResponse, type WireRequest } from './exchange.ts';
import { describeFailure, type Failure } from './failures.ts';
import { systemCertificates } from './host-certificates.ts';
import { type Judge, judged } from './judged.ts';
import { type Inflow, LEAST_RATE, type LeastRate } from './least-rate.ts';
import { createPacer, type Pacer } from './pacer.ts';
import { type PlainHttp, plainHttpHosts } from './plain-http.ts';
import { proxyFromEnvironment } from './proxy.ts';
import { discard } from './read.ts';
import { checkHost, headersFor, MAX_REDIRECTS, redirectOf } from './redirects.ts';
import { type Attempt, createRetrier, RETRY_DEFAULTS, type Retrier, type RetryPolicy } from './retry.ts';

/** How requests leave this machine. Times in milliseconds. */
export interface TransportOptions {
  /** HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and HOME come from here. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** PEM file of further trusted roots. */
  readonly caFile?: string;
  /** Client certificates by host; those of certs.d folders (docker's, podman's) are found without being named. */
  readonly clientCertificates?: readonly ClientCertificate[];
  /** Hosts (`HOST` or `HOST:PORT`) that are spoken to without TLS. */
  readonly plainHttp?: readonly string[];
  /** Connections per host, for reading and for uploading each. Default 64; fewer where fewer requests are made. */
  readonly connections?: number;
  /** Default 15 s. */
  readonly connectTimeout?: number;
  /** Until an answer's head is there. Default 60 s. */
  readonly headersTimeout?: number;
  /** Between two pieces of a body: a stalled download or upload ends after this. Default 60 s. */
  readonly bodyTimeout?: number;
  /** What answers together have to bring, as long as one of them is wanted. Default 60 kB in 60 s. */
  readonly leastRate?: LeastRate;
  readonly retry?: Partial<RetryPolicy>;
  readonly userAgent?: string;
  readonly emit?: Emit;
}

/** A body to send: its length in bytes, and a way to open it as often as need be. */
export interface RequestBody {
  readonly length: number;
  open(): Uint8Array | AsyncIterable<Uint8Array>;
}

export interface HttpRequest {
  readonly method: WireRequest['method'];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** What is asked for, at the beginning of every message: `quay.io/a/b:1`. */
  readonly what: string;
  /** What the server may count together with others of the same method, and throttle: `manifests`. */
  readonly kind?: string;
  /** The body holds a secret: it goes to no other host, port or scheme. */
  readonly secretBody?: boolean;
  /** Gives the Authorization header for another origin that a redirect leads to; those sent before never go there. */
  readonly authorize?: (next: URL) => Promise<string | undefined>;
  /** False: one attempt only, because the caller begins again further up. Default true. */
  readonly retry?: boolean;
  /** How likely a repetition helps after an answer; by its status where it is not given. */
  readonly judge?: Judge;
  /** Overrides the transport's, for answers that take their time. */
  readonly headersTimeout?: number;
  /** How often that may pass in vain. Default: as often as other failures may come. */
  readonly waits?: number;
  readonly signal?: AbortSignal;
}

/** The one place that makes requests. */
export interface Transport {
  /** `http` for the hosts that were named for it, `https` for all others. */
  scheme(host: string): 'http' | 'https';
  /**
   * Sends a request, follows redirects, tries again where that helps. Any status is an answer, 5xx included once the
   * attempts are used up.
   * @throws AirgapError `network` when there is no answer, `registry` for a way that is not gone (redirects in circles,
   * to plain HTTP), `interrupted`; what the body's source throws
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** For callers that repeat more than one request. */
  readonly retrier: Retrier;
  /** The PEM roots in use, for other HTTP clients. */
  certificates(): readonly string[];
  /**
   * Roots and client certificate of a host (`host[:port]`) of its own, for other HTTP clients.
   * @throws AirgapError `config`
   */
  hostCertificates(host: string): HostCertificates | undefined;
  /** Closes all connections, also those in use. */
  close(): Promise<void>;
}

/** @throws AirgapError `config` for a proxy, certificate file or host that cannot be used */
export function createTransport(options: TransportOptions = {}): Transport {
  const env = options.env ?? {};
  const plain = plainHttpHosts(options.plainHttp ?? []);
  // A wrong --ca-file is to be told at once, while reading all the other roots can wait for the first TLS connection.
  if (options.caFile !== undefined) readCertificates(options.caFile, '--ca-file');
  let roots: readonly string[] | undefined;
  const certificates = (): readonly string[] => {
    roots ??= trustedCertificates({ env, ...(options.caFile === undefined ? {} : { caFile: options.caFile }) });
    return roots;
  };
  const hostCertificates = systemCertificates(options.clientCertificates ?? [], env);
  const dispatchers = createDispatchers({
    proxy: proxyFromEnvironment(env),
    certificates,
    hostCertificates,
    connections: options.connections ?? 64,
    connectTimeout: options.connectTimeout ?? 15_000,
  });
  const { emit = silent } = options;
  const retrier = createRetrier({ ...RETRY_DEFAULTS, ...options.retry }, emit);
  const wire: Wire = {
    plain,
    send: (request) => exchange(dispatchers.pick(request.url, request.method === 'PUT' ? 'upload' : 'read'), request),
    pacer: createPacer(),
    userAgent: options.userAgent ?? 'helm-airgap',
    headersTimeout: options.headersTimeout ?? 60_000,
    bodyTimeout: options.bodyTimeout ?? 60_000,
    leastRate: options.leastRate ?? LEAST_RATE,
    inflow: { bytes: 0 },
    waiting: waitTeller(emit),
  };
  return {
    scheme: (host) => (plain(host) ? 'http' : 'https'),
    request: (request) => persist(wire, retrier, request),
    retrier,
    certificates,
    hostCertificates,
    close: () => dispatchers.close(),
  };
}

interface Wire {
  readonly plain: PlainHttp;
  readonly send: (request: WireRequest) => Promise<HttpResponse>;
  readonly pacer: Pacer;
  readonly userAgent: string;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly leastRate: LeastRate;
  readonly inflow: Inflow;
  readonly waiting: (host: string, what: string) => void;
}

/** Says of each host once that it takes its time, so that nobody takes the run for a dead one. */
function waitTeller(emit: Emit): Wire['waiting'] {
  const told = new Set<string>();
  return (host, what) => {
    if (told.has(host)) return;
    told.add(host);
    emit({ type: 'stage', message: `waiting for ${host}, which takes more than a minute to answer for ${what}` });
  };
}

/** Tries until there is an answer worth having. Every attempt begins at the first URL: storage links run out. */
async function persist(wire: Wire, retrier: Retrier, request: HttpRequest): Promise<HttpResponse> {
  const { what, signal, method, url, kind = '' } = request;
  const pace = wire.pacer.of(`${method} ${kind} ${url.host}`);
  let waits = 0;
  const again = async (setback: Pick<Attempt, 'attempt' | 'reason' | 'retryable' | 'after'>): Promise<boolean> => {
    const answer = request.retry !== false && (await retrier.again({ what, signal, ...setback }));
    if (signal?.aborted) throw describeFailure(signal.reason, { url, what, signal }).error;
    return answer;
  };
  for (let attempt = 1; ; attempt++) {
    const turn = pace.turn(signal);
    if (turn !== undefined) await turn;
    const began = pace.now();
    const outcome = await follow(wire, request);
    if (!('status' in outcome)) {
      if (isUnanswered(outcome)) waits++;
      const retryable = request.waits !== undefined && waits >= request.waits ? 'no' : outcome.retryable;
      if (await again({ attempt, reason: outcome.error.message, retryable })) continue;
      throw outcome.error;
    }
    const { response, retryable, after } = await judged(outcome, request.judge);
    pace.ended(began, retryable === 'throttled');
    const reason = `${outcome.url.host} answers ${outcome.status}`;
    if (!(await again({ attempt, reason, retryable, after }))) return response;
    await discard(response);
  }
}

/** Whether nothing came at all, not even the head of an answer. */
function isUnanswered({ error }: Failure): boolean {
  return (error.cause as { readonly code?: unknown } | undefined)?.code === 'UND_ERR_HEADERS_TIMEOUT';
}

/** One attempt, redirects included. */
async function follow(wire: Wire, request: HttpRequest): Promise<HttpResponse | Failure> {
  const { method, body, what, signal } = request;
  let { url } = request;
  checkHost(url, what);
  let headers: Readonly<Record<string, string>> = {
    'user-agent': wire.userAgent,
    // Where nothing is said any coding will do (RFC 9110, 12.5.3): compressed, digests, lengths and ranges mean something else.
    'accept-encoding': 'identity',
    ...request.headers,
  };
  if (body !== undefined) headers = { ...headers, 'content-length': String(body.length) };
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    if (url.protocol === 'http:' && !wire.plain(url.host)) {
      // Not `network`: asking again gives the same answer.
      throw new AirgapError('registry', `${what}: ${url.host} would be spoken to without TLS`, {
        hint: `if that is right, allow it with --plain-http ${url.host}`,
      });
    }
    let response: HttpResponse;
    const { host } = url;
    try {
      response = await wire.send({
        method,
        url,
        headers,
        what,
        headersTimeout: request.headersTimeout ?? wire.headersTimeout,
        bodyTimeout: wire.bodyTimeout,
        leastRate: wire.leastRate,
        inflow: wire.inflow,
        waiting: () => wire.waiting(host, what),
        ...(body === undefined ? {} : { body: body.open() }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (thrown) {
      return describeFailure(thrown, { url, what, ...(signal === undefined ? {} : { signal }) });
    }
    const next = redirectOf(response, request);
    if (next === undefined) return response;
    await discard(response);
    headers = headersFor(headers, url, next);
    const authorization = next.origin === url.origin ? undefined : await request.authorize?.(next);
    if (authorization !== undefined) headers = { ...headers, authorization };
    url = next;
  }
  throw new AirgapError('registry', `${what}: ${request.url.host} redirects more than ${MAX_REDIRECTS} times`);
}
