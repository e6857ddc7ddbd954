import { type AccessRefusal, loginHint } from '../auth/refusal.ts';
import { AirgapError, type ErrorCode } from '../base/errors.ts';
import { clientCertificateHint, otherCertificateHint } from '../http/certificate-refusal.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { withoutTls } from '../http/failures.ts';
import { type Complaint, quoteComplaint, readComplaint } from './complaint.ts';
import { apiHost } from './hosts.ts';
import { isTransient, type Refusal, refusalOf } from './refusals.ts';
import { describeRateLimit } from './throttling.ts';
import { NO_REGISTRY } from './web-page.ts';

/** An answer of a registry. */
export interface RegistryResponse extends HttpResponse {
  /** The registry that speaks, as people write it: another than was asked after a redirect; none for a storage. */
  readonly registry?: string;
  /** Of a 401 or 403 of the registry itself: which credentials were tried. */
  readonly refusal?: AccessRefusal;
}

/** What servers with TLS say to plain HTTP: Go's, nginx, Apache's. All answer 400, and to HEAD without a text. */
const NEEDS_TLS =
  /HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL/;

/** What nginx says, with 400, where it wants a client certificate (ssl_verify_client) and none came. */
const NEEDS_CERTIFICATE = /No required SSL certificate was sent/;

/** What nginx says, with 400, of a client certificate that it does not trust. */
const CERTIFICATE_REFUSED = /The SSL certificate error/;

/** The hint for a tag that may not be written. */
const TAKEN = 'push under another prefix, or allow the registry to overwrite this tag';

/** The hint for a media type that a registry does not know. */
const MEDIA_TYPES =
  'it may not know the media types of this: zot takes those of Docker with "compat": ["docker2s2"] under "http", and attestations can be left out with bundle --attestations drop; nothing is converted, since that changes the digest';

/** The hint for a push that is not allowed. */
const NO_PUSH =
  'the project or user that the path begins with has to exist, and Docker Hub has no paths of more than two parts (--naming)';

/** What was asked, for the error of a status that was not hoped for. */
export interface Request {
  /** The beginning of the sentence: repository and reference. */
  readonly what: string;
  /** The registry as people write it, for the login hint. */
  readonly registry: string;
  readonly writes?: boolean;
  /** A manifest is sent: to that 500 may be the answer each time, of a registry that does not know what it is. */
  readonly isManifest?: boolean;
}

/** Code, sentence and hint of an error. */
interface Verdict {
  readonly code: ErrorCode;
  /** What happened; absent where the registry's words are all there is. */
  readonly sentence?: string;
  readonly hint?: string;
}

/** The error for an answer that is not a success; consumes the body. */
export async function registryError(response: RegistryResponse, request: Request): Promise<AirgapError> {
  return complain(response, await readComplaint(response), request);
}

/** The same, with the body read already. */
export function complain(response: RegistryResponse, complaint: Complaint, request: Request): AirgapError {
  const said = saidBy(response, complaint);
  // After a redirect to another registry that one speaks, and may want another login.
  const { registry = request.registry } = response;
  const { code, sentence, hint } = verdict(response, complaint, { ...request, registry });
  return new AirgapError(code, `${request.what}: ${sentence === undefined ? said : `${sentence}; ${said}`}`, {
    ...(hint !== undefined && { hint }),
    isTransient: isTransient(response.status, complaint, request.isManifest),
  });
}

/** The error for a tag that names `there` and, as it seems, may not name `digest` instead. */
export function tagTaken(
  response: RegistryResponse,
  complaint: Complaint,
  { what, there, digest }: { readonly what: string; readonly there: string; readonly digest: string },
): AirgapError {
  const isKnown = refusalOf(response.status, complaint) === 'tag-taken' || complaint.code === 'TAG_INVALID';
  const why = isKnown ? 'is immutable' : 'is immutable, or locked, or not for these credentials to overwrite,';
  const message = `${what}: the tag ${why} and names ${there} already, not ${digest}; ${saidBy(response, complaint)}`;
  return new AirgapError('registry', message, { hint: TAKEN });
}

/** The host, the status and all that was said. */
function saidBy({ status, url }: RegistryResponse, complaint: Complaint): string {
  // What went wrong inside stands there and nowhere else. Of who may not do what, and what is not there, the sentence says more.
  const words = quoteComplaint(complaint, status === 400 || status >= 500);
  const kind = complaint.isWebPage ? 'with a web page ' : '';
  return `${url.host} answers ${status}${words === '' ? '' : ` ${kind}(${words})`}`;
}

function verdict(response: RegistryResponse, complaint: Complaint, request: Request): Verdict {
  const access = accessVerdict(response, complaint, request);
  if (access !== undefined) return access;
  const refusal = refusalOf(response.status, complaint);
  const known = refusal === undefined ? undefined : refusalVerdict(refusal, response, complaint, request);
  return known ?? statusVerdict(response, complaint, request);
}

/** Who is asking, and whether it is the registry that refuses. */
function accessVerdict(response: RegistryResponse, complaint: Complaint, { registry }: Request): Verdict | undefined {
  const { status, url } = response;
  if (status === 400 && NEEDS_CERTIFICATE.test(complaint.message)) {
    const sentence = `${url.host} wants a client certificate`;
    return { code: 'unauthorized', sentence, hint: clientCertificateHint(url.host) };
  }
  if (status === 400 && CERTIFICATE_REFUSED.test(complaint.message)) {
    const sentence = `${url.host} does not accept the client certificate`;
    return { code: 'unauthorized', sentence, hint: otherCertificateHint(url.host) };
  }
  if (status === 401 && response.refusal !== undefined) {
    const { message, hint } = response.refusal;
    return { code: 'unauthorized', sentence: message, hint };
  }
  if (status === 401) {
    return { code: 'unauthorized', sentence: 'no access without valid credentials', hint: loginHint(registry, []) };
  }
  if (status === 403 && url.host !== apiHost(registry)) {
    const hint = 'the storage of a registry has to admit this machine, too; for ECR that is the S3 gateway endpoint';
    return { code: 'forbidden', sentence: `the storage that ${registry} names does not allow this`, hint };
  }
  return undefined;
}

/** What each refusal means, and what to do; undefined where it means this only to what is sent. */
function refusalVerdict(
  refusal: Refusal,
  response: RegistryResponse,
  complaint: Complaint,
  request: Request,
): Verdict | undefined {
  if (refusal === 'pull-limit' || refusal === 'throttled') return rateVerdict(refusal, response, complaint, request);
  if (refusal === 'no-space') {
    const hint = 'make room where the registry keeps its content';
    return { code: 'registry', sentence: 'the registry has no space left', hint };
  }
  if (refusal === 'quota') {
    const hint = 'delete images there, have the registry collect its garbage, or have the quota raised';
    return { code: 'registry', sentence: 'a quota or the storage of the registry is used up', hint };
  }
  if (!request.writes) return undefined;
  switch (refusal) {
    case 'too-large': {
      const hint =
        'raise the limit on request bodies of each proxy on the way: client_max_body_size of nginx, the annotation nginx.ingress.kubernetes.io/proxy-body-size of an ingress; Cloudflare takes 100 MB on most plans, and has to be gone around for more';
      return { code: 'registry', sentence: `this is too large for ${response.url.host} or a proxy before it`, hint };
    }
    case 'tag-taken':
      return { code: 'registry', sentence: 'what is there already may not be overwritten', hint: TAKEN };
    case 'name-invalid': {
      const hint =
        'not every registry has paths of any depth, and some want a project or user first: see --naming, and the prefix in --to';
      return { code: 'registry', sentence: 'the registry does not allow this repository name', hint };
    }
    case 'upload-lost': {
      if (complaint.code !== 'BLOB_UPLOAD_UNKNOWN') return undefined;
      const hint = 'run the same command again; instances behind one name have to share their storage and their secret';
      return { code: 'registry', sentence: 'the registry has lost the upload', hint };
    }
    case 'content-damaged': {
      const hint = 'run the same command again; if it stays, a proxy on the way cuts or changes what is sent';
      return { code: 'registry', sentence: 'the registry got other content than was sent', hint };
    }
    case 'content-missing': {
      const hint =
        'run the same command again; if it stays, the registry loses content: look at its storage and its garbage collection';
      return { code: 'registry', sentence: 'the registry does not have content that the manifest names', hint };
    }
    case 'read-only': {
      const code = response.status === 405 ? 'unsupported' : 'registry';
      return { code, sentence: 'the registry is read-only, or this repository or image is locked' };
    }
  }
}

function rateVerdict(
  refusal: 'pull-limit' | 'throttled',
  response: RegistryResponse,
  complaint: Complaint,
  request: Request,
): Verdict {
  const { registry, writes = false } = request;
  const isHub = /increase-rate-limit/.test(complaint.message);
  const { size, end } = describeRateLimit(response, Date.now(), isHub);
  const over = end === '' ? '' : `; ${response.url.host} takes requests again ${end}`;
  const limit = refusal === 'pull-limit' ? 'pull limit' : 'limit';
  const used = refusal === 'pull-limit' || size !== '' ? `: the ${limit} of ${registry}${size} is used up` : '';
  const hint = writes
    ? 'run the same command again later: what is there by then is not sent again'
    : `log in (helm registry login ${registry}) with an account that has a higher limit, read through a mirror (--mirror ${registry}=HOST/PATH), or wait`;
  return { code: 'registry', sentence: `too many requests${used}${over}`, hint };
}

function statusVerdict(response: RegistryResponse, complaint: Complaint, { writes = false }: Request): Verdict {
  const { status, url } = response;
  const { code, message, isWebPage } = complaint;
  if (isWebPage && (status === 403 || status === 404)) {
    const sentence = status === 403 ? 'access is refused' : 'not found';
    return { code: status === 403 ? 'forbidden' : 'image-not-found', sentence, hint: NO_REGISTRY };
  }
  // A 403 may be a quota or an immutable tag as well, which has been told by now.
  if (status === 403) {
    const { message = 'the credentials do not allow this', hint } = response.refusal ?? {};
    const hints = [hint, writes ? NO_PUSH : undefined].filter((one) => one !== undefined);
    return { code: 'forbidden', sentence: message, ...(hints.length === 0 ? {} : { hint: hints.join('; ') }) };
  }
  if (status === 404 && writes) {
    const hint =
      'some registries want it to exist before something is pushed to it (ECR the repository; Harbor, Quay and Artifact Registry what the path begins with): create it, or have it created';
    return { code: 'image-not-found', sentence: 'no such repository', hint };
  }
  if (status === 404) return { code: 'image-not-found', sentence: 'not found', hint: 'check the name and the tag' };
  if (writes && (status === 405 || status === 415 || /^(?:UNSUPPORTED|MANIFEST_INVALID)$/.test(code))) {
    const isType = status === 415 || /media ?type/i.test(quoteComplaint(complaint, true));
    return { code: 'unsupported', sentence: 'the registry does not take it', ...(isType ? { hint: MEDIA_TYPES } : {}) };
  }
  if (status === 400 && url.protocol === 'http:' && (message === '' || NEEDS_TLS.test(message))) {
    const sentence = `${url.host} has TLS, and was spoken to without`;
    return { code: 'registry', ...(message === '' ? {} : { sentence }), hint: withoutTls(url.host) };
  }
  const { end } = describeRateLimit(response, Date.now());
  if (end !== '') return { code: 'registry', sentence: `${url.host} takes requests again ${end}` };
  return { code: 'registry', ...(isWebPage ? { hint: NO_REGISTRY } : {}) };
}
