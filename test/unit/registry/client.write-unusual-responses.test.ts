import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { PutBlobOptions } from '../../../src/oci/content.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

interface Repository {
  readonly registry: string;
  readonly path: string;
}

async function setUp(steps: Step[]): Promise<{ client: RegistryClient; repository: Repository; other: Repository }> {
  const server = await startScript(steps);
  const client = clientFor([server.host]);
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  const registry = server.host;
  return { client, repository: { registry, path: 'a/b' }, other: { registry, path: 'c/d' } };
}

const layer = Buffer.from('0123456789');
const blob = descriptorOf(layer);
const body = { size: layer.length, open: async () => Readable.from([layer]) };
const START = 'POST /v2/a/b/blobs/uploads/';
const MOUNT = `${START}?mount=${blob.digest}&from=c/d`;
const OWN = `${START}?mount=${blob.digest}&from=a/b`;
const HEAD = `HEAD /v2/a/b/blobs/${blob.digest}`;
const GET = `GET /v2/a/b/blobs/${blob.digest}`;
const PUT = /^PUT \/up/;
const opened: Answer = { status: 202, headers: { location: '/up' } };
const existing: Answer = { headers: { 'content-length': '10' } };
const missing: Answer = { status: 404 };
const stored: Answer = { status: 201 };
const errorResponse = (status: number, code: string): Answer => ({
  status,
  body: JSON.stringify({ errors: [{ code, message: 'as it is' }] }),
});
/** Steps from pairs of request line and response. */
const script = (...steps: [string | RegExp, Answer | 'reset'][]): Step[] =>
  steps.map(([line, answer]) => ({ expect: line, answer }));

describe('an upload with an unusual response', () => {
  it.each([200, 202, 206])('%i succeeds when the blob is stored', async (status) => {
    const { client, repository } = await setUp(script([START, opened], [PUT, { status }], [HEAD, existing]));
    expect(await client.putBlob(repository, blob, body)).toBe('stored');
  });

  it('202 is retried a few times when the blob is not stored', async () => {
    const attempt: [string | RegExp, Answer][] = [
      [START, opened],
      [PUT, { status: 202 }],
      [HEAD, missing],
    ];
    const { client, repository } = await setUp(
      script(...attempt, [HEAD, missing], ...attempt, [HEAD, missing], ...attempt),
    );
    await expect(client.putBlob(repository, blob, body)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('202'),
    });
  });

  it.each([
    ['400 DIGEST_INVALID', errorResponse(400, 'DIGEST_INVALID')],
    ['400 SIZE_INVALID', errorResponse(400, 'SIZE_INVALID')],
    ['404 BLOB_UNKNOWN', errorResponse(404, 'BLOB_UNKNOWN')],
    ['404 without a body', missing],
    ['416', { status: 416 }],
  ])('%s is retried in a new session', async (_name, answer) => {
    const { client, repository } = await setUp(
      script([START, opened], [PUT, answer], [HEAD, missing], [START, opened], [PUT, stored]),
    );
    expect(await client.putBlob(repository, blob, body)).toBe('stored');
  });

  it('is retried when the check for the blob is refused', async () => {
    const { client, repository } = await setUp(
      script(
        [START, opened],
        [PUT, errorResponse(400, 'DIGEST_INVALID')],
        [HEAD, { status: 405 }],
        [GET, { status: 405 }],
        [START, opened],
        [PUT, stored],
      ),
    );
    expect(await client.putBlob(repository, blob, body)).toBe('stored');
  });

  it.each([200, 204])('%i to the POST continues at its location', async (status) => {
    const answer = { status, headers: { location: '/up' } };
    const { client, repository } = await setUp(script([START, answer], [PUT, stored]));
    expect(await client.putBlob(repository, blob, body)).toBe('stored');
  });

  it('201 to the POST succeeds when the blob exists, and is an error otherwise', async () => {
    const { client, repository } = await setUp(
      script([START, stored], [HEAD, existing], [START, stored], [HEAD, missing]),
    );
    expect(await client.putBlob(repository, blob, body)).toBe('present');
    await expect(client.putBlob(repository, blob, body)).rejects.toMatchObject({ code: 'registry' });
  });
});

describe('a mount', () => {
  const put = async (steps: Step[]): Promise<string> => {
    const { client, repository, other } = await setUp(steps);
    return client.putBlob(repository, blob, body, { mountFrom: other });
  };

  it.each<[string, Answer | 'reset']>([
    ['500', { status: 500 }],
    ['a closed connection', 'reset'],
  ])('that always fails with %s becomes an upload', async (_name, answer) => {
    expect(await put(script([MOUNT, answer], [MOUNT, answer], [MOUNT, answer], [START, opened], [PUT, stored]))).toBe(
      'stored',
    );
  });

  it('that fails once is retried, since it saves the upload', async () => {
    expect(await put(script([MOUNT, { status: 503 }], [MOUNT, stored]))).toBe('mounted');
  });

  it('that is ignored becomes an upload in its session, unless the blob exists', async () => {
    expect(await put(script([MOUNT, opened], [HEAD, missing], [PUT, stored]))).toBe('stored');
    expect(await put(script([MOUNT, opened], [HEAD, existing]))).toBe('present');
  });
});

describe('a mount from its own repository', () => {
  const learn: PutBlobOptions = { probeMountSupport: true };

  it('is trusted after one correct result of each kind', async () => {
    const { client, repository } = await setUp(script([OWN, opened], [PUT, stored], [OWN, stored], [OWN, stored]));
    expect(client.mountSupport(repository)).toBe('any');
    expect(await client.putBlob(repository, blob, body, learn)).toBe('stored');
    expect(client.mountSupport(repository)).toBe('self-mount');
    expect(await client.putBlob(repository, blob, body, { mountFrom: repository })).toBe('present');
  });

  it.each<[string, Answer | 'reset']>([
    ['ignored', opened],
    ['refused', { status: 405 }],
    ['an error', { status: 500 }],
    ['a closed connection', 'reset'],
  ])('is not trusted when it is %s, which is tested once', async (_name, answer) => {
    const { client, repository } = await setUp(
      script([OWN, opened], [PUT, stored], [OWN, answer], [START, opened], [PUT, stored]),
    );
    expect(await client.putBlob(repository, blob, body, learn)).toBe('stored');
    expect(client.mountSupport(repository)).toBe('any');
    expect(await client.putBlob(repository, blob, body, learn)).toBe('stored');
  });

  it('is not trusted when it succeeds for a missing blob, which is uploaded', async () => {
    const { client, repository } = await setUp(script([OWN, stored], [HEAD, missing], [START, opened], [PUT, stored]));
    expect(await client.putBlob(repository, blob, body, learn)).toBe('stored');
    expect(client.mountSupport(repository)).toBe('any');
  });

  it('is not retried: it is only a check', async () => {
    const { client, repository } = await setUp(script([OWN, 'reset'], [START, opened], [PUT, stored]));
    expect(await client.putBlob(repository, blob, body, { mountFrom: repository })).toBe('stored');
  });
});

describe('a manifest', () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const digest = digestOf(bytes);
  const content = { bytes, descriptor: { mediaType: MediaType.ociManifest, digest, size: bytes.length } };
  const SEND = 'PUT /v2/a/b/manifests/v1';
  const CHECK = 'HEAD /v2/a/b/manifests/v1';
  const has = (own: string): Answer => ({
    headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': own, 'content-length': '19' },
  });

  it.each([200, 202])('with response %i succeeds when the tag points to it', async (status) => {
    const { client, repository } = await setUp(script([SEND, { status }], [CHECK, has(digest)]));
    await client.putManifest(repository, content, 'v1');
  });

  it('with response 202 is retried when the tag is missing or points elsewhere', async () => {
    const { client, repository } = await setUp(
      script(
        [SEND, { status: 202 }],
        [CHECK, missing],
        [SEND, { status: 202 }],
        [CHECK, has(blob.digest)],
        [SEND, stored],
      ),
    );
    await client.putManifest(repository, content, 'v1');
  });

  it.each([
    [400, 'MANIFEST_BLOB_UNKNOWN'],
    [404, 'MANIFEST_BLOB_UNKNOWN'],
    [404, 'BLOB_UNKNOWN'],
  ])('whose blobs are not visible yet (%i %s) is retried', async (status, code) => {
    const { client, repository } = await setUp(script([SEND, errorResponse(status, code)], [SEND, stored]));
    await client.putManifest(repository, content, 'v1');
  });
});

describe('the list of tags', () => {
  const LIST = 'GET /v2/a/b/tags/list?n=1000';
  const extra = { link: '</v2/a/b/tags/list?last=v1&n=1>; rel="next"' };
  it.each<[string, Answer, readonly string[] | undefined]>([
    ['as it is', { body: '{"name":"a/b","tags":["v1","v2"]}' }, ['v1', 'v2']],
    ['empty', { body: '{"name":"a/b","tags":null}' }, []],
    ['of a missing repository', missing, []],
    ['that is denied', { status: 403 }, undefined],
    ['that is a web page', { body: '<html>' }, undefined],
    ['of another structure', { body: '[]' }, undefined],
  ])('%s', async (_name, answer, tags) => {
    const { client, repository } = await setUp(script([LIST, answer]));
    const list = await client.listTags(repository);
    expect(list && [...list]).toEqual(tags);
  });

  it('of several pages', async () => {
    const first = { body: '{"tags":["v1"]}', headers: extra };
    const steps = script([LIST, first], ['GET /v2/a/b/tags/list?last=v1&n=1', { body: '{"tags":["v2"]}' }]);
    const { client, repository } = await setUp(steps);
    expect(await client.listTags(repository)).toEqual(new Set(['v1', 'v2']));
  });

  it('of several pages, one of which is denied', async () => {
    const first = { body: '{"tags":["v1"]}', headers: extra };
    const { client, repository } = await setUp(
      script([LIST, first], ['GET /v2/a/b/tags/list?last=v1&n=1', { status: 403 }]),
    );
    expect(await client.listTags(repository)).toBeUndefined();
  });
});
