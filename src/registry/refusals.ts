import { type Retryable, retryableStatus } from '../http/retry.ts';
import { allFaults, type Complaint } from './complaint.ts';

/** What a refusal is about, whichever way a registry words it. */
export type Refusal =
  | 'pull-limit' // used up for hours or longer: no waiting of ours helps
  | 'throttled' // too many requests at once
  | 'too-large' // the request, for the registry or for what stands before it
  | 'no-space' // the disk of the registry is full
  | 'quota' // of storage, images or repositories
  | 'tag-taken' // a tag that names something else and may not be overwritten
  | 'name-invalid' // a repository's name that this registry does not allow
  | 'upload-lost' // the session of an upload is gone
  | 'content-damaged' // content arrived otherwise than it was sent
  | 'content-missing' // a manifest names blobs or manifests that the registry does not see
  | 'read-only'; // the registry, repository or image is locked

interface Rule {
  readonly refusal: Refusal;
  /** The rule holds for these statuses only. */
  readonly status?: readonly number[];
  /** One of these is enough: an error code, a word; with none of them the status is. */
  readonly code?: RegExp;
  readonly words?: RegExp;
}

/** The first one that fits counts. Words are those that registries were seen to use: docs/registries.md. */
const RULES: readonly Rule[] = [
  // Docker Hub's pull limit; ECR Public's of data a month. Hub's other limit says nothing but "Too Many Requests".
  { refusal: 'pull-limit', status: [429, 403], words: /pull rate limit|increase-rate-limit|data limit exceeded/i },
  { refusal: 'throttled', status: [429] },
  // ghcr.io says 403.
  { refusal: 'throttled', status: [400, 403, 503], code: /^TOOMANYREQUESTS$/, words: /secondary rate limit/i },
  { refusal: 'too-large', status: [413] },
  { refusal: 'too-large', status: [400, 403], code: /^(?:EntityTooLarge|LAYER_TOO_LARGE)$/ },
  // ENOSPC and EDQUOT, as text and as docker-registry prints the number of an error of the system (Linux).
  {
    refusal: 'no-space',
    status: [500, 501, 502, 503, 504],
    words: /no space left on device|disk quota exceeded|"Err":(?:28|122)\b/i,
  },
  { refusal: 'quota', status: [507] },
  {
    refusal: 'tag-taken',
    status: [400, 403, 405, 409, 412],
    code: /^TAG_ALREADY_EXISTS$/,
    words:
      /(?<![/\w.-])immutab|already exists|already pushed|cannot be overwritten|does not allow updating assets|redeploy is not allowed|permissions? to overwrite/i,
  },
  // Harbor, Quay, DigitalOcean, ECR; storage of Artifactory. A repository may be called quota-service.
  {
    refusal: 'quota',
    status: [400, 403, 412, 422],
    words:
      /(?<![/\w.-])quotas?(?![/\w@-]|[.:]\w)|configured upper limit|repositories, limit is|LimitExceeded|storage limit|disk usage is too high/i,
  },
  {
    refusal: 'name-invalid',
    status: [400, 403, 404, 405, 422],
    code: /^NAME_INVALID$/,
    words: /invalid repository name/i,
  },
  { refusal: 'upload-lost', code: /^BLOB_UPLOAD_(?:UNKNOWN|INVALID)$/ },
  { refusal: 'content-damaged', status: [400], code: /^(?:DIGEST_INVALID|SIZE_INVALID)$/ },
  { refusal: 'content-missing', status: [400, 404], code: /^(?:MANIFEST_BLOB_UNKNOWN|BLOB_UNKNOWN)$/ },
  // Quay in maintenance; ACR for what is locked.
  { refusal: 'read-only', status: [403, 405, 503], words: /read-only|currently disabled|operation is disallowed on/i },
];

/** How likely the same request helps; an upload begins again with a new session. Others go by their status. */
const RETRYABLE: Readonly<Partial<Record<Refusal, Retryable>>> = {
  'pull-limit': 'no',
  throttled: 'throttled',
  'upload-lost': 'yes',
  'content-damaged': 'few',
  // A storage that shows late what it has stored, behind OpenShift's registry, Nexus groups, geo-replication.
  'content-missing': 'few',
};

/** What an answer that is no success is about; undefined where nothing but its status tells. */
export function refusalOf(status: number, complaint: Complaint): Refusal | undefined {
  const faults = allFaults(complaint);
  const said = faults.map(({ code, message, detail = '' }) => `${code} ${message} ${detail}`).join('\n');
  const rule = RULES.find(
    ({ status: statuses, code, words }) =>
      (statuses === undefined || statuses.includes(status)) &&
      ((code === undefined && words === undefined) ||
        faults.some((fault) => code?.test(fault.code)) ||
        words?.test(said)),
  );
  return rule?.refusal;
}

/** How likely what was refused succeeds when it is sent once more. */
export function retryableRefusal(status: number, complaint: Complaint): Retryable {
  const refusal = refusalOf(status, complaint);
  return (refusal === undefined ? undefined : RETRYABLE[refusal]) ?? retryableStatus(status);
}

/** Refusals that are about the registry at the moment, whatever is sent. */
const OF_THE_MOMENT: ReadonlySet<Refusal | undefined> = new Set<Refusal>([
  'pull-limit',
  'throttled',
  'no-space',
  'quota',
]);

/**
 * Whether the registry is what fails, throttles or is full, and the same is taken at another time.
 * @param isManifest to which 500 may be the answer each time: of a registry that does not know what it is
 */
export function isTransient(status: number, complaint: Complaint, isManifest = false): boolean {
  if (OF_THE_MOMENT.has(refusalOf(status, complaint))) return true;
  return retryableStatus(status) !== 'no' && !(status === 500 && isManifest);
}

/**
 * Whether a manifest may have been refused because its tag names another one and is immutable; whether it does, the tag
 * tells. Docker Hub, GitLab and Artifactory say 403 as for any missing right, Azure's registry 405 as for anything locked.
 */
export function mayBeTaken(status: number, complaint: Complaint): boolean {
  const refusal = refusalOf(status, complaint);
  if (refusal === 'tag-taken' || refusal === 'read-only') return true;
  if (complaint.code === 'TAG_INVALID') return true;
  return refusal === undefined && (status === 403 || status === 409 || status === 412);
}
