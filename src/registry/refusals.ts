import { type ErrorBody, errorEntries } from '../http/error-body.ts';
import { type Retryable, retryableStatus } from '../http/retry.ts';

/** Kind of an error response, independent of how a registry words it. */
export type Refusal =
  | 'pull-limit' // exhausted for hours or longer: waiting does not help
  | 'throttled' // too many requests at once
  | 'too-large' // the request, for the registry or a proxy in front of it
  | 'no-space' // full disk of the registry
  | 'quota' // of storage, images or repositories
  | 'tag-conflict' // a tag that points to another manifest and may not be overwritten
  | 'name-invalid' // a repository name that this registry does not allow
  | 'upload-lost' // an upload session that no longer exists
  | 'content-damaged' // content that was changed in transit
  | 'content-missing' // a manifest that refers to blobs or manifests which the registry does not see
  | 'read-only'; // a locked registry, repository or image

interface Rule {
  readonly refusal: Refusal;
  /** Statuses that the rule applies to. */
  readonly status?: readonly number[];
  /** Error code or text; one match is enough. Without both, the status is. */
  readonly code?: RegExp;
  readonly pattern?: RegExp;
}

/** Rules; the first match wins. The texts were observed at registries: docs/registries.md. */
const RULES: readonly Rule[] = [
  // Docker Hub's pull limit; ECR Public's monthly data limit. Hub's abuse limit has only the text "Too Many Requests".
  { refusal: 'pull-limit', status: [429, 403], pattern: /pull rate limit|increase-rate-limit|data limit exceeded/i },
  { refusal: 'throttled', status: [429] },
  // ghcr.io returns 403.
  { refusal: 'throttled', status: [400, 403, 503], code: /^TOOMANYREQUESTS$/, pattern: /secondary rate limit/i },
  { refusal: 'too-large', status: [413] },
  { refusal: 'too-large', status: [400, 403], code: /^(?:EntityTooLarge|LAYER_TOO_LARGE)$/ },
  // ENOSPC and EDQUOT, as text and as the Linux error number printed by distribution.
  {
    refusal: 'no-space',
    status: [500, 501, 502, 503, 504],
    pattern: /no space left on device|disk quota exceeded|"Err":(?:28|122)\b/i,
  },
  { refusal: 'quota', status: [507] },
  {
    refusal: 'tag-conflict',
    status: [400, 403, 405, 409, 412],
    code: /^TAG_ALREADY_EXISTS$/,
    pattern:
      /(?<![/\w.-])immutab|already exists|already pushed|cannot be overwritten|does not allow updating assets|redeploy is not allowed|permissions? to overwrite/i,
  },
  // Harbor, Quay, DigitalOcean, ECR; storage of Artifactory. Must not match a repository named quota-service.
  {
    refusal: 'quota',
    status: [400, 403, 412, 422],
    pattern:
      /(?<![/\w.-])quotas?(?![/\w@-]|[.:]\w)|configured upper limit|repositories, limit is|LimitExceeded|storage limit|disk usage is too high/i,
  },
  {
    refusal: 'name-invalid',
    status: [400, 403, 404, 405, 422],
    code: /^NAME_INVALID$/,
    pattern: /invalid repository name/i,
  },
  { refusal: 'upload-lost', code: /^BLOB_UPLOAD_(?:UNKNOWN|INVALID)$/ },
  { refusal: 'content-damaged', status: [400], code: /^(?:DIGEST_INVALID|SIZE_INVALID)$/ },
  { refusal: 'content-missing', status: [400, 404], code: /^(?:MANIFEST_BLOB_UNKNOWN|BLOB_UNKNOWN)$/ },
  // Quay during maintenance; ACR for locked content.
  {
    refusal: 'read-only',
    status: [403, 405, 503],
    pattern: /read-only|currently disabled|operation is disallowed on/i,
  },
];

/** Likelihood that a retry succeeds; an upload is retried with a new session. Other refusals go by status. */
const RETRYABLE: Readonly<Partial<Record<Refusal, Retryable>>> = {
  'pull-limit': 'no',
  throttled: 'throttled',
  'upload-lost': 'yes',
  'content-damaged': 'few',
  // Eventually consistent storage: OpenShift's registry, Nexus groups, geo-replication.
  'content-missing': 'few',
};

/** Classifies an error response; undefined when only its status is known. */
export function refusalOf(status: number, errorBody: ErrorBody): Refusal | undefined {
  const entries = errorEntries(errorBody);
  const text = entries.map(({ code, message, detail = '' }) => `${code} ${message} ${detail}`).join('\n');
  const rule = RULES.find(
    ({ status: statuses, code, pattern }) =>
      (statuses === undefined || statuses.includes(status)) &&
      ((code === undefined && pattern === undefined) ||
        entries.some((entry) => code?.test(entry.code)) ||
        pattern?.test(text)),
  );
  return rule?.refusal;
}

/** Returns how likely a retry of a refused request is to succeed. */
export function retryableRefusal(status: number, errorBody: ErrorBody): Retryable {
  const refusal = refusalOf(status, errorBody);
  return (refusal === undefined ? undefined : RETRYABLE[refusal]) ?? retryableStatus(status);
}

/** Refusals caused by the current state of the registry, not by the content. */
const TEMPORARY: ReadonlySet<Refusal | undefined> = new Set<Refusal>(['pull-limit', 'throttled', 'no-space', 'quota']);

/**
 * Reports whether the registry fails, throttles or is full, so that the same request may succeed later.
 * @param isManifest true for a manifest upload, to which a registry without support for its type may always return 500
 */
export function isTransient(status: number, errorBody: ErrorBody, isManifest = false): boolean {
  if (TEMPORARY.has(refusalOf(status, errorBody))) return true;
  return retryableStatus(status) !== 'no' && !(status === 500 && isManifest);
}

/**
 * Reports whether a manifest may have been refused because of an immutable tag; the tag itself has to be checked.
 * Docker Hub, GitLab and Artifactory return 403 as for any missing permission, ACR 405 as for anything locked.
 */
export function mayBeTagConflict(status: number, errorBody: ErrorBody): boolean {
  const refusal = refusalOf(status, errorBody);
  if (refusal === 'tag-conflict' || refusal === 'read-only') return true;
  if (errorBody.code === 'TAG_INVALID') return true;
  return refusal === undefined && (status === 403 || status === 409 || status === 412);
}
