import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseErrorBody } from '../../../src/http/error-body.ts';
import type { Retryable } from '../../../src/http/retry.ts';
import { registryError } from '../../../src/registry/errors.ts';
import {
  isTransient,
  mayBeTagConflict,
  type Refusal,
  refusalOf,
  retryableRefusal,
} from '../../../src/registry/refusals.ts';
import { checkRateLimit } from '../../../src/registry/throttling.ts';

const error = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] });
const errorBody = (body: string) => parseErrorBody(Buffer.from(body));
const answer = (status: number, body: string, headers: Record<string, string> = {}) => ({
  status,
  headers,
  url: new URL('https://r.example/v2/'),
  body: Readable.from([Buffer.from(body)]),
});
const failure = (status: number, body: string, writes: boolean, headers = {}) =>
  registryError(answer(status, body, headers), { what: 'r.example/a:1', registry: 'r.example', writes });

// Texts of real registries; docs/registries.md names the sources.
const HUB =
  'You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit';
const HUB_TAKEN =
  'requested access to the resource is denied - This tag is already assigned to an image in this repository and cannot be updated due to immutability settings. To push this image, use a different tag.';
const HARBOR_QUOTA =
  'adding 2.1 MiB of storage resource, which when updated to current usage of 8.3 MiB will exceed the configured upper limit of 10.0 MiB.';

const CASES: readonly [string, number, string, Refusal | undefined, Retryable][] = [
  ['Docker Hub: pull limit', 429, error('TOOMANYREQUESTS', HUB), 'pull-limit', 'no'],
  ['Docker Hub: abuse', 429, 'Too Many Requests', 'throttled', 'throttled'],
  ['ECR', 429, error('TOOMANYREQUESTS', 'Rate exceeded'), 'throttled', 'throttled'],
  ['ECR Public: data of a month', 429, error('TOOMANYREQUESTS', 'Data limit exceeded'), 'pull-limit', 'no'],
  ['ghcr.io', 429, error('TOOMANYREQUESTS', 'retry-after: 10.3ms, allowed: 2000/minute'), 'throttled', 'throttled'],
  ['ghcr.io, secondary', 403, error('DENIED', 'You have exceeded a secondary rate limit'), 'throttled', 'throttled'],
  ['Artifact Registry', 429, '{"error":{"message":"Quota exceeded for quota metric"}}', 'throttled', 'throttled'],
  ['nginx', 413, '<html><h1>413 Request Entity Too Large</h1></html>', 'too-large', 'no'],
  ['S3', 400, '<Error><Code>EntityTooLarge</Code><Message>no</Message></Error>', 'too-large', 'no'],
  ['Quay: layer', 413, error('LAYER_TOO_LARGE', 'Uploaded blob is larger than allowed'), 'too-large', 'no'],
  ['distribution: disk', 500, error('UNKNOWN', 'write: no space left on device'), 'no-space', 'yes'],
  ['507', 507, '', 'quota', 'no'],
  ['Harbor: quota', 403, error('DENIED', HARBOR_QUOTA), 'quota', 'no'],
  ['Quay: quota', 403, error('DENIED', 'Quota has been exceeded on namespace'), 'quota', 'no'],
  ['DigitalOcean', 403, error('DENIED', 'registry contains 1 repositories, limit is 1'), 'quota', 'no'],
  [
    'second error',
    400,
    JSON.stringify({ errors: [{ message: 'unknown' }, { message: 'quota of the group' }] }),
    'quota',
    'no',
  ],
  [
    'ECR: tag',
    400,
    error(
      'TAG_INVALID',
      "The image tag '1' already exists and cannot be overwritten because the repository is immutable.",
    ),
    'tag-conflict',
    'no',
  ],
  [
    'Harbor: tag',
    412,
    error('PRECONDITION', "Failed to process request due to 'app:1' configured as immutable."),
    'tag-conflict',
    'no',
  ],
  [
    'Artifactory: tag',
    403,
    error('DENIED', 'Not enough permissions to overwrite artifact m/app/1'),
    'tag-conflict',
    'no',
  ],
  [
    'Nexus: tag',
    400,
    error('UNKNOWN', 'Repository does not allow updating assets: docker-hosted'),
    'tag-conflict',
    'no',
  ],
  [
    'Nexus 3.96: tag',
    409,
    error('UNKNOWN', 'cannot be updated as asset already exists and redeploy is not allowed'),
    'tag-conflict',
    'no',
  ],
  [
    'Artifact Registry: tag',
    400,
    error('MANIFEST_INVALID', 'cannot update tag 1. The repository has enabled tag immutability'),
    'tag-conflict',
    'no',
  ],
  ['Docker Hub: tag', 403, error('DENIED', HUB_TAKEN), 'tag-conflict', 'no'],
  ['Quay: tag', 409, error('TAG_ALREADY_EXISTS', 'tag was already pushed'), 'tag-conflict', 'no'],
  [
    'ACR: locked',
    405,
    error('DENIED', 'The operation is disallowed on this registry, repository or image.'),
    'read-only',
    'no',
  ],
  ['Quay: read-only', 405, error('DENIED', 'System is currently read-only. Pulls will succeed'), 'read-only', 'no'],
  ['Quay: name', 400, error('NAME_INVALID', 'invalid repository name'), 'name-invalid', 'no'],
  ['Artifact Registry: name', 400, error('NAME_INVALID', 'Missing image name.'), 'name-invalid', 'no'],
  ['lost upload', 404, error('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown'), 'upload-lost', 'yes'],
  ['ECR: part of an upload', 416, error('BLOB_UPLOAD_INVALID', 'First byte of the layer part'), 'upload-lost', 'yes'],
  [
    'damaged on the way',
    400,
    error('DIGEST_INVALID', 'provided digest did not match uploaded content'),
    'content-damaged',
    'few',
  ],
  ['OpenShift', 400, error('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'), 'content-missing', 'few'],
  ['Nexus', 404, error('BLOB_UNKNOWN', 'blob unknown to registry'), 'content-missing', 'few'],
  [
    'a repository called quota',
    403,
    error('DENIED', 'no access to team/quota-service, quota.example/a'),
    undefined,
    'no',
  ],
  ['a repository called immutable', 403, error('DENIED', 'no access to team/immutable'), undefined, 'no'],
  ['missing right', 403, error('DENIED', 'requested access to the resource is denied'), undefined, 'no'],
  ['missing repository', 404, error('NAME_UNKNOWN', 'repository name not known to registry'), undefined, 'no'],
  ['Cloudflare', 520, 'error code: 520', undefined, 'yes'],
];

describe('a refusal', () => {
  it.each(CASES)('is recognized by status, code and text: %s', (_, status, body, refusal, retryable) => {
    expect(refusalOf(status, errorBody(body))).toBe(refusal);
    expect(retryableRefusal(status, errorBody(body))).toBe(retryable);
  });

  it.each([
    ['a name that is not allowed', 400, error('NAME_INVALID', 'no'), /--naming/],
    ['a request that is too large', 413, '', /client_max_body_size.*proxy-body-size.*Cloudflare/],
    ['a lost blob', 404, error('MANIFEST_BLOB_UNKNOWN', 'blob unknown'), /MANIFEST_BLOB_UNKNOWN.*garbage collection/],
    ['a quota', 403, error('DENIED', HARBOR_QUOTA), /quota.*configured upper limit/],
    ['an immutable tag', 403, error('DENIED', HUB_TAKEN), /immutability settings.*prefix/],
    ['a page of a firewall', 403, '<html>blocked by policy 4711</html>', /policy 4711.*firewall/],
    ['maintenance with its end', 503, '', /in 2 hours/],
  ])('of a write has a useful message and hint: %s', async (_, status, body, text) => {
    const { code, message, hint } = await failure(status, body, true, { 'retry-after': '7200' });
    expect(`${message}\n${hint}`.replaceAll('\n', ' ')).toMatch(text);
    expect(code).not.toBe('image-not-found');
  });

  it.each([
    ['a web page instead of a registry', 404, '<html>404</html>', 'image-not-found'],
    ['a missing blob', 404, error('BLOB_UNKNOWN', 'blob unknown'), 'image-not-found'],
    ['a missing right', 403, error('DENIED', 'no'), 'forbidden'],
    ['a quota of a proxy cache', 403, error('DENIED', 'Quota has been exceeded on namespace'), 'registry'],
  ])('of a read has its own error code: %s', async (_, status, body, code) => {
    expect((await failure(status, body, false)).code).toBe(code);
  });
});

describe('a possible tag conflict', () => {
  it.each([
    [403, error('DENIED', 'requested access to the resource is denied'), true],
    [405, error('DENIED', 'The operation is disallowed on this registry, repository or image.'), true],
    [409, '', true],
    [400, error('TAG_INVALID', 'no'), true],
    [400, error('MANIFEST_INVALID', 'no'), false],
    [403, error('DENIED', HARBOR_QUOTA), false],
    [405, error('UNSUPPORTED', 'no'), false],
    [404, error('NAME_UNKNOWN', 'no'), false],
  ])('is checked after %s %s: %s', (status, body, expected) => {
    expect(mayBeTagConflict(status, errorBody(body))).toBe(expected);
  });
});

describe('a request limit', () => {
  const used = { 'ratelimit-limit': '10;w=21600', 'ratelimit-remaining': '0;w=21600' };
  it.each<[string, number, string, Record<string, string>, Retryable, number | undefined]>([
    ['of hours, to HEAD', 429, '', used, 'no', undefined],
    ['of hours, by its text', 429, error('TOOMANYREQUESTS', HUB), {}, 'no', undefined],
    ['of hours, with Retry-After', 429, '', { ...used, 'retry-after': '3' }, 'throttled', 3000],
    ['of a minute', 429, '', { 'ratelimit-limit': '60;w=60', 'ratelimit-remaining': '0;w=60' }, 'throttled', undefined],
    ['of a second', 429, error('TOOMANYREQUESTS', 'Rate exceeded'), {}, 'throttled', undefined],
    ['that ghcr.io reports with 403', 403, error('DENIED', 'a secondary rate limit'), {}, 'throttled', undefined],
    ['that is a plain 403', 403, error('DENIED', 'no'), {}, 'no', undefined],
    ['for maintenance', 503, '', { 'retry-after': '9' }, 'yes', 9000],
  ])('%s', async (_, status, body, headers, retryable, after) => {
    const judged = await checkRateLimit(answer(status, body, headers));
    expect(judged).toMatchObject({ retryable, ...(after === undefined ? {} : { retryAfter: after }) });
    expect((await judged.response.body.toArray()).join('')).toBe(body);
  });

  it.each([
    [
      'the headers of Docker Hub',
      error('TOOMANYREQUESTS', HUB),
      used,
      /\(10 in 6 hours\).*within 6 hours \(by 20\d\d-\d\d-\d\d \d\d:\d\d UTC\)/,
    ],
    ['the text of Docker Hub', error('TOOMANYREQUESTS', HUB), {}, /within 6 hours/],
    ['Retry-After', '', { 'retry-after': '3600' }, /r\.example .*in 1 hour \(at /],
    ['no implausible time', '', { 'retry-after': '9'.repeat(400) }, /^[^(]* r\.example \w+ 429$/],
  ])('is reported with its end: %s', async (_, body, headers, text) => {
    const { code, message, hint } = await failure(429, body, false, headers);
    expect(code).toBe('registry');
    expect(message).toMatch(text);
    expect(hint).toMatch(/helm airgap login r\.example.*--mirror r\.example=/);
  });
});

describe('a transient refusal', () => {
  it.each([
    [429, 'Too Many Requests', true],
    [429, error('TOOMANYREQUESTS', HUB), true],
    [403, error('DENIED', HARBOR_QUOTA), true],
    [500, error('UNKNOWN', 'write: no space left on device'), true],
    [507, '', true],
    [502, '', true],
    [503, '', true],
    [524, '', true],
    [400, error('MANIFEST_INVALID', 'no'), false],
    [403, error('DENIED', 'no'), false],
    [404, '', false],
    [405, error('UNSUPPORTED', 'no'), false],
    [413, '', false],
  ])('%i %s: %s', (status, body, isTemporary) => {
    expect([true, false].map((isManifest) => isTransient(status, errorBody(body), isManifest))).toEqual([
      isTemporary,
      isTemporary,
    ]);
  });

  it('is not a 500 for a manifest, which may be permanent', () => {
    expect(isTransient(500, errorBody(''), true)).toBe(false);
    expect(isTransient(500, errorBody(''))).toBe(true);
  });
});
