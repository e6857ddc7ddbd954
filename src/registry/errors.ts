import { type AccessRefusal, loginHint } from '../auth/refusal.ts';
import { AirgapError, type ErrorCode } from '../base/errors.ts';
import { clientCertificateHint, rejectedCertificateHint } from '../http/certificate-refusal.ts';
import { type ErrorBody, quoteErrorBody, readErrorBody } from '../http/error-body.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { plainHttpHint } from '../http/failures.ts';
import { WEB_PAGE_HINT } from '../http/web-page.ts';
import { isTransient, type Refusal, refusalOf } from './refusals.ts';
import { apiHost } from './routes.ts';
import { describeRateLimit } from './throttling.ts';

/** Response of a registry. */
export interface RegistryResponse extends HttpResponse {
  /**
   * Registry that responded, as users write it. Differs from the requested one after a redirect; undefined for storage.
   */
  readonly registry?: string;
  /** For a 401 or 403 of the registry itself: the credentials that were tried. */
  readonly refusal?: AccessRefusal;
}

/** Responses of TLS servers to plain HTTP (Go, nginx, Apache), all with status 400; to HEAD without a body. */
const NEEDS_TLS =
  /HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL/;

/** 400 of nginx for a missing client certificate (ssl_verify_client). */
const NEEDS_CERTIFICATE = /No required SSL certificate was sent/;

/** 400 of nginx for an untrusted client certificate. */
const CERTIFICATE_REFUSED = /The SSL certificate error/;

/** Hint for a tag that may not be overwritten. */
const TAG_CONFLICT_HINT = 'push to another prefix, or allow overwriting this tag in the registry';

/** Hint for an unsupported media type. */
const MEDIA_TYPE_HINT =
  'the registry may not support these media types: zot accepts those of Docker with "compat": ["docker2s2"] under "http", and attestations can be left out with bundle --attestations drop; content is never converted, since that would change its digest';

/** Hint for a push that is denied. */
const PUSH_DENIED_HINT =
  'check that the project or user at the beginning of the path exists; Docker Hub allows at most two path components (--naming)';

/** Request that an error is about. */
export interface ErrorContext {
  /** Beginning of the message: repository and reference. */
  readonly what: string;
  /** Registry as users write it, for the login hint. */
  readonly registry: string;
  readonly writes?: boolean;
  /** True for a manifest upload, to which a registry without support for its type may always return 500. */
  readonly isManifest?: boolean;
}

/** Code, message and hint of an error. */
interface Explanation {
  readonly code: ErrorCode;
  /** Explanation; undefined when only the registry's own text is known. */
  readonly summary?: string;
  readonly hint?: string;
}

/** Creates the error for an error response. Consumes the body. */
export async function registryError(response: RegistryResponse, context: ErrorContext): Promise<AirgapError> {
  return errorFromBody(response, await readErrorBody(response), context);
}

/** Creates the error for an error response whose body has been parsed. */
export function errorFromBody(response: RegistryResponse, errorBody: ErrorBody, context: ErrorContext): AirgapError {
  const { host, text, words } = quoteResponse(response, errorBody);
  // After a redirect to another registry, the hint is about that one and its login.
  const { registry = context.registry } = response;
  const { code, summary, hint } = explain(response, errorBody, { ...context, registry });
  // The host is named once.
  const answer = `${summary?.includes(host) ? 'it' : host} ${text}`;
  return new AirgapError(code, summary === undefined ? answer : `${summary}; ${answer}`, {
    subject: context.what,
    detail: words,
    hint,
    isTransient: isTransient(response.status, errorBody, context.isManifest),
  });
}

/** Creates the error for a tag that points to `existing` and apparently cannot be moved to `digest`. */
export function tagConflictError(
  response: RegistryResponse,
  errorBody: ErrorBody,
  { what, existing, digest }: { readonly what: string; readonly existing: string; readonly digest: string },
): AirgapError {
  const isKnown = refusalOf(response.status, errorBody) === 'tag-conflict' || errorBody.code === 'TAG_INVALID';
  const why = isKnown
    ? 'the tag is immutable'
    : 'the tag is immutable, locked, or not writable with these credentials,';
  const { host, text, words } = quoteResponse(response, errorBody);
  const detail = [`it points to ${existing}, not to ${digest}`, words].filter((part) => part !== undefined).join('; ');
  const reason = `${why} and has other content; ${host} ${text}`;
  const code = isKnown ? 'tag-conflict' : 'registry';
  return new AirgapError(code, reason, { subject: what, detail, hint: TAG_CONFLICT_HINT });
}

/** What a response says. */
interface QuotedResponse {
  readonly host: string;
  /** `returned 404`. */
  readonly text: string;
  /** Texts of the body; undefined without any. They may name the repository or the request. */
  readonly words: string | undefined;
}

/** Quotes host, status and error texts of a response. */
function quoteResponse({ status, url }: RegistryResponse, errorBody: ErrorBody): QuotedResponse {
  // Internal errors are explained in the detail only. For denied access and missing content, our message says more.
  const words = quoteErrorBody(errorBody, status === 400 || status >= 500) || undefined;
  const kind = errorBody.isWebPage && words !== undefined ? ' with a web page' : '';
  return { host: url.host, text: `returned ${status}${kind}`, words };
}

function explain(response: RegistryResponse, errorBody: ErrorBody, context: ErrorContext): Explanation {
  const access = explainAccess(response, errorBody, context);
  if (access !== undefined) return access;
  const refusal = refusalOf(response.status, errorBody);
  const known = refusal === undefined ? undefined : explainKnownRefusal(refusal, response, errorBody, context);
  return known ?? explainStatus(response, errorBody, context);
}

/** Explains errors of authentication, and denied access to storage. */
function explainAccess(
  response: RegistryResponse,
  errorBody: ErrorBody,
  { registry }: ErrorContext,
): Explanation | undefined {
  const { status, url } = response;
  if (status === 400 && NEEDS_CERTIFICATE.test(errorBody.message)) {
    const summary = `${url.host} requires a client certificate`;
    return { code: 'unauthorized', summary, hint: clientCertificateHint(url.host) };
  }
  if (status === 400 && CERTIFICATE_REFUSED.test(errorBody.message)) {
    const summary = `${url.host} rejected the client certificate`;
    return { code: 'unauthorized', summary, hint: rejectedCertificateHint(url.host) };
  }
  if (status === 401 && response.refusal !== undefined) {
    const { message, hint } = response.refusal;
    return { code: 'unauthorized', summary: message, hint };
  }
  if (status === 401) {
    return { code: 'unauthorized', summary: 'valid credentials are required', hint: loginHint(registry, []) };
  }
  if (status === 403 && url.host !== apiHost(registry)) {
    const hint = 'allow this machine to access the storage of the registry; for ECR, check the S3 gateway endpoint';
    return { code: 'forbidden', summary: `the storage of ${registry} denied access`, hint };
  }
  return undefined;
}

/** Explains a recognized refusal; undefined when it is meaningful for writes only and this is a read. */
function explainKnownRefusal(
  refusal: Refusal,
  response: RegistryResponse,
  errorBody: ErrorBody,
  context: ErrorContext,
): Explanation | undefined {
  if (refusal === 'pull-limit' || refusal === 'throttled')
    return explainRateLimit(refusal, response, errorBody, context);
  if (refusal === 'no-space') {
    const hint = 'free space in the storage of the registry';
    return { code: 'registry', summary: 'the registry has no space left', hint };
  }
  if (refusal === 'quota') {
    const hint = 'delete images in the registry and run its garbage collection, or have the quota raised';
    return { code: 'registry', summary: 'a quota or the storage of the registry is exhausted', hint };
  }
  if (!context.writes) return undefined;
  switch (refusal) {
    case 'too-large': {
      const hint =
        'raise the request body limit of every proxy in between: client_max_body_size of nginx, the annotation nginx.ingress.kubernetes.io/proxy-body-size of an ingress; Cloudflare allows 100 MB on most plans and has to be bypassed for more';
      return {
        code: 'registry',
        summary: `the request is too large for ${response.url.host} or a proxy in front of it`,
        hint,
      };
    }
    case 'tag-conflict':
      return { code: 'tag-conflict', summary: 'existing content may not be overwritten', hint: TAG_CONFLICT_HINT };
    case 'name-invalid': {
      const hint =
        'some registries limit the number of path components or require a project or user first: change --naming or the prefix in --to';
      return { code: 'registry', summary: 'the registry does not allow this repository name', hint };
    }
    case 'upload-lost': {
      if (errorBody.code !== 'BLOB_UPLOAD_UNKNOWN') return undefined;
      const hint =
        'run the same command again; instances behind one host name have to share their storage and their secret';
      return { code: 'registry', summary: 'the registry lost the upload session', hint };
    }
    case 'content-damaged': {
      const hint = 'run the same command again; if it fails again, look for a proxy that truncates or changes uploads';
      return { code: 'registry', summary: 'the registry received different content than was sent', hint };
    }
    case 'content-missing': {
      const hint =
        'run the same command again; if it fails again, check the storage and the garbage collection of the registry';
      return { code: 'registry', summary: 'the registry does not have content that the manifest refers to', hint };
    }
    case 'read-only': {
      const code = response.status === 405 ? 'unsupported' : 'registry';
      return { code, summary: 'the registry is read-only, or this repository or image is locked' };
    }
  }
}

function explainRateLimit(
  refusal: 'pull-limit' | 'throttled',
  response: RegistryResponse,
  errorBody: ErrorBody,
  context: ErrorContext,
): Explanation {
  const { registry, writes = false } = context;
  const isHub = /increase-rate-limit/.test(errorBody.message);
  const { size, end } = describeRateLimit(response, Date.now(), isHub);
  const resetText = end === '' ? '' : `; ${response.url.host} accepts requests again ${end}`;
  const limit = refusal === 'pull-limit' ? 'pull limit' : 'limit';
  const limitText = refusal === 'pull-limit' || size !== '' ? `: the ${limit} of ${registry}${size} is exhausted` : '';
  const hint = writes
    ? 'run the same command again later: content that has been sent is not sent again'
    : `log in with an account that has a higher limit (helm airgap login ${registry}), use a mirror (--mirror ${registry}=HOST/PATH), or wait`;
  return { code: 'registry', summary: `too many requests${limitText}${resetText}`, hint };
}

function explainStatus(
  response: RegistryResponse,
  errorBody: ErrorBody,
  { writes = false }: ErrorContext,
): Explanation {
  const { status, url } = response;
  const { code, message, isWebPage } = errorBody;
  if (isWebPage && (status === 403 || status === 404)) {
    const summary = status === 403 ? 'access denied' : 'not found';
    return { code: status === 403 ? 'forbidden' : 'image-not-found', summary, hint: WEB_PAGE_HINT };
  }
  // A 403 for a quota or an immutable tag has been handled above.
  if (status === 403) {
    const { message = 'the credentials do not allow this', hint } = response.refusal ?? {};
    const hints = [hint, writes ? PUSH_DENIED_HINT : undefined].filter((entry) => entry !== undefined);
    return { code: 'forbidden', summary: message, ...(hints.length === 0 ? {} : { hint: hints.join('; ') }) };
  }
  if (status === 404 && writes) {
    const hint =
      'create it before pushing: ECR requires the repository; Harbor, Quay and Artifact Registry require the project at the beginning of the path';
    return { code: 'image-not-found', summary: 'the repository does not exist', hint };
  }
  if (status === 404) return { code: 'image-not-found', summary: 'not found', hint: 'check the name and the tag' };
  if (writes && (status === 405 || status === 415 || /^(?:UNSUPPORTED|MANIFEST_INVALID)$/.test(code))) {
    const isType = status === 415 || /media ?type/i.test(quoteErrorBody(errorBody, true));
    return {
      code: 'unsupported',
      summary: 'the registry does not accept this content',
      ...(isType ? { hint: MEDIA_TYPE_HINT } : {}),
    };
  }
  if (status === 400 && url.protocol === 'http:' && (message === '' || NEEDS_TLS.test(message))) {
    const summary = `${url.host} uses TLS, but the request was sent over plain HTTP`;
    return { code: 'registry', ...(message === '' ? {} : { summary }), hint: plainHttpHint(url.host) };
  }
  const { end } = describeRateLimit(response, Date.now());
  if (end !== '') return { code: 'registry', summary: `${url.host} accepts requests again ${end}` };
  return { code: 'registry', ...(isWebPage ? { hint: WEB_PAGE_HINT } : {}) };
}
