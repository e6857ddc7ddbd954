import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Retryable } from '../../../src/http/retry.ts';
import { parseComplaint } from '../../../src/registry/complaint.ts';
import { registryError } from '../../../src/registry/errors.ts';
import { isTransient, mayBeTaken, type Refusal, refusalOf, retryableRefusal } from '../../../src/registry/refusals.ts';
import { checkRateLimit } from '../../../src/registry/throttling.ts';

const error = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] });
const complaint = (body: string) => parseComplaint(Buffer.from(body));
const answer = (status: number, body: string, headers: Record<string, string> = {}) => ({
  status,
  headers,
  url: new URL('https://r.example/v2/'),
  body: Readable.from([Buffer.from(body)]),
});
const failure = (status: number, body: string, writes: boolean, headers = {}) =>
  registryError(answer(status, body, headers), { what: 'r.example/a:1', registry: 'r.example', writes });

// The words are those of the registries; docs/registries.md names the sources.
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
    'tag-taken',
    'no',
  ],
  [
    'Harbor: tag',
    412,
    error('PRECONDITION', "Failed to process request due to 'app:1' configured as immutable."),
    'tag-taken',
    'no',
  ],
  ['Artifactory: tag', 403, error('DENIED', 'Not enough permissions to overwrite artifact m/app/1'), 'tag-taken', 'no'],
  ['Nexus: tag', 400, error('UNKNOWN', 'Repository does not allow updating assets: docker-hosted'), 'tag-taken', 'no'],
  [
    'Nexus 3.96: tag',
    409,
    error('UNKNOWN', 'cannot be updated as asset already exists and redeploy is not allowed'),
    'tag-taken',
    'no',
  ],
  [
    'Artifact Registry: tag',
    400,
    error('MANIFEST_INVALID', 'cannot update tag 1. The repository has enabled tag immutability'),
    'tag-taken',
    'no',
  ],
  ['Docker Hub: tag', 403, error('DENIED', HUB_TAKEN), 'tag-taken', 'no'],
  ['Quay: tag', 409, error('TAG_ALREADY_EXISTS', 'tag was already pushed'), 'tag-taken', 'no'],
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
  it.each(CASES)('is known by status, code and words: %s', (_, status, body, refusal, retryable) => {
    expect(refusalOf(status, complaint(body))).toBe(refusal);
    expect(retryableRefusal(status, complaint(body))).toBe(retryable);
  });

  it.each([
    ['a name that is not allowed', 400, error('NAME_INVALID', 'no'), /--naming/],
    ['a request that is too large', 413, '', /client_max_body_size.*proxy-body-size.*Cloudflare/],
    ['a lost blob', 404, error('MANIFEST_BLOB_UNKNOWN', 'blob unknown'), /does not have content.*garbage collection/],
    ['a quota', 403, error('DENIED', HARBOR_QUOTA), /quota.*configured upper limit/],
    ['an immutable tag', 403, error('DENIED', HUB_TAKEN), /overwritten.*immutability settings/],
    ['a page of a firewall', 403, '<html>blocked by policy 4711</html>', /policy 4711.*firewall/],
    ['a maintenance with its end', 503, '', /in 2 hours/],
  ])('of what is sent says what to do: %s', async (_, status, body, text) => {
    const { message, hint } = await failure(status, body, true, { 'retry-after': '7200' });
    expect(`${message}\n${hint}`.replaceAll('\n', ' ')).toMatch(text);
    expect(message).not.toContain('no such repository');
  });

  it.each([
    ['a web page, and not the registry', 404, '<html>404</html>', 'image-not-found'],
    ['a missing blob', 404, error('BLOB_UNKNOWN', 'blob unknown'), 'image-not-found'],
    ['a missing right', 403, error('DENIED', 'no'), 'forbidden'],
    ['a quota of a proxy cache', 403, error('DENIED', 'Quota has been exceeded on namespace'), 'registry'],
  ])('to read has the code of its kind: %s', async (_, status, body, code) => {
    expect((await failure(status, body, false)).code).toBe(code);
  });
});

describe('a tag that may be taken', () => {
  it.each([
    [403, error('DENIED', 'requested access to the resource is denied'), true],
    [405, error('DENIED', 'The operation is disallowed on this registry, repository or image.'), true],
    [409, '', true],
    [400, error('TAG_INVALID', 'no'), true],
    [400, error('MANIFEST_INVALID', 'no'), false],
    [403, error('DENIED', HARBOR_QUOTA), false],
    [405, error('UNSUPPORTED', 'no'), false],
    [404, error('NAME_UNKNOWN', 'no'), false],
  ])('is asked for after %s %s: %s', (status, body, expected) => {
    expect(mayBeTaken(status, complaint(body))).toBe(expected);
  });
});

describe('a limit on requests', () => {
  const used = { 'ratelimit-limit': '10;w=21600', 'ratelimit-remaining': '0;w=21600' };
  it.each<[string, number, string, Record<string, string>, Retryable, number | undefined]>([
    ['of hours, to HEAD', 429, '', used, 'no', undefined],
    ['of hours, by its words', 429, error('TOOMANYREQUESTS', HUB), {}, 'no', undefined],
    ['of hours, with a time of waiting', 429, '', { ...used, 'retry-after': '3' }, 'throttled', 3000],
    ['of a minute', 429, '', { 'ratelimit-limit': '60;w=60', 'ratelimit-remaining': '0;w=60' }, 'throttled', undefined],
    ['of a second', 429, error('TOOMANYREQUESTS', 'Rate exceeded'), {}, 'throttled', undefined],
    ['that ghcr.io tells with 403', 403, error('DENIED', 'a secondary rate limit'), {}, 'throttled', undefined],
    ['that is none', 403, error('DENIED', 'no'), {}, 'no', undefined],
    ['for maintenance', 503, '', { 'retry-after': '9' }, 'yes', 9000],
  ])('%s', async (_, status, body, headers, retryable, after) => {
    const judged = await checkRateLimit(answer(status, body, headers));
    expect(judged).toMatchObject({ retryable, ...(after === undefined ? {} : { after }) });
    expect((await judged.response.body.toArray()).join('')).toBe(body);
  });

  it.each([
    [
      'the headers of Docker Hub',
      error('TOOMANYREQUESTS', HUB),
      used,
      /\(10 in 6 hours\).*within 6 hours \(by 20\d\d-\d\d-\d\d \d\d:\d\d UTC\)/,
    ],
    ['the words of Docker Hub', error('TOOMANYREQUESTS', HUB), {}, /within 6 hours/],
    [
      'Retry-After',
      '',
      { 'retry-after': '3600' },
      /too many requests; r\.example takes requests again in 1 hour \(at /,
    ],
    ['a time far away', '', { 'retry-after': '9'.repeat(400) }, /^[^;]*too many requests; r\.example answers 429$/],
  ])('says when it is over: %s', async (_, body, headers, text) => {
    const { code, message, hint } = await failure(429, body, false, headers);
    expect(code).toBe('registry');
    expect(message).toMatch(text);
    expect(hint).toMatch(/helm registry login r\.example.*--mirror r\.example=/);
  });
});

describe('what may be taken at another time', () => {
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
  ])('%i %s: %s', (status, body, isOfTheMoment) => {
    expect([true, false].map((isManifest) => isTransient(status, complaint(body), isManifest))).toEqual([
      isOfTheMoment,
      isOfTheMoment,
    ]);
  });

  it('is no manifest that a registry answers 500 to, since it may do so each time', () => {
    expect(isTransient(500, complaint(''), true)).toBe(false);
    expect(isTransient(500, complaint(''))).toBe(true);
  });
});
