import { afterEach, describe, expect, test } from 'vitest';
import { startEcr, type TestEcr } from '../../support/ecr.ts';
import { buildImage, pushBuilt, pushImage } from '../../support/images.ts';

// The ECR tests rely on the stand-in, so its own behaviour is tested here.
let ecr: TestEcr;
afterEach(() => ecr.stop());

const call = (operation: string, body: unknown): Promise<Response> =>
  fetch(ecr.endpoint, {
    method: 'POST',
    headers: {
      'x-amz-target': `AmazonEC2ContainerRegistry_V20150921.${operation}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=test',
    },
    body: JSON.stringify(body),
  });

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://${ecr.host}${path}`, { headers: { authorization: ecr.authorization() }, ...init });

describe('the ECR stand-in', () => {
  test('issues a token for the data plane until it expires', async () => {
    ecr = await startEcr();
    expect((await fetch(`${ecr.endpoint}/v2/`)).headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    const { authorizationData } = (await (await call('GetAuthorizationToken', {})).json()) as {
      authorizationData: { authorizationToken: string }[];
    };
    const headers = { authorization: `Basic ${authorizationData[0]?.authorizationToken}` };
    expect((await fetch(`${ecr.endpoint}/v2/`, { headers })).status).toBe(200);
    ecr.expireTokens();
    expect((await fetch(`${ecr.endpoint}/v2/`, { headers })).status).toBe(403);
  });

  test('accepts images only in existing repositories, and an index only after its children', async () => {
    ecr = await startEcr();
    const authorization = ecr.authorization();
    await expect(pushImage(ecr.host, 'apps/shop', '1', { authorization })).rejects.toThrow('NAME_UNKNOWN');
    expect((await call('CreateRepository', { repositoryName: 'apps/shop' })).status).toBe(200);
    const image = buildImage({ name: 'shop' });
    const childless = { ...image, manifests: image.manifests.slice(-1) };
    await expect(pushBuilt(ecr.host, 'apps/shop', '1', childless, { authorization })).rejects.toThrow(
      'MANIFEST_BLOB_UNKNOWN',
    );
    expect(await pushBuilt(ecr.host, 'apps/shop', '1', image, { authorization })).toBe(image.digest);
  });

  test('redirects blob downloads to another host, which refuses credentials', async () => {
    ecr = await startEcr({ repositories: ['shop'] });
    const image = buildImage({ name: 'shop' });
    await pushBuilt(ecr.host, 'shop', '1', image, { authorization: ecr.authorization() });
    const [[digest, bytes] = ['', Buffer.alloc(0)]] = image.blobs;
    const sent = await get(`/v2/shop/blobs/${digest}`, { redirect: 'manual' });
    const location = sent.headers.get('location') ?? '';
    expect(sent.status).toBe(307);
    expect((await fetch(location, { headers: { authorization: ecr.authorization() } })).status).toBe(400);
    expect(Buffer.from(await (await fetch(location)).arrayBuffer())).toEqual(bytes);
    const rest = await fetch(location, { headers: { range: 'bytes=100-' } });
    expect(Buffer.from(await rest.arrayBuffer())).toEqual(bytes.subarray(100));
  });

  test('refuses an immutable tag even for the same digest, and accepts an excluded one', async () => {
    ecr = await startEcr();
    ecr.createRepository('shop', {
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'dev-*' }],
    });
    const push = (tag: string): Promise<string> =>
      pushImage(ecr.host, 'shop', tag, { name: 'shop', authorization: ecr.authorization() });
    const digest = await push('1.0');
    await expect(push('1.0')).rejects.toThrow('TAG_INVALID');
    expect([await push('dev-1'), await push('dev-1')]).toEqual([digest, digest]);
  });

  test('loses the later chunks of an upload and answers 201', async () => {
    ecr = await startEcr({ repositories: ['shop'] });
    const started = await get('/v2/shop/blobs/uploads/', {
      method: 'POST',
      headers: { authorization: ecr.authorization() },
    });
    const url = new URL(started.headers.get('location') ?? '').pathname;
    const patch = (body: string): Promise<Response> =>
      get(url, { method: 'PATCH', headers: { authorization: ecr.authorization() }, body });
    expect((await patch('abc')).headers.get('range')).toBe('0-2');
    const second = await patch('def');
    expect([second.status, second.headers.get('range')]).toEqual([201, '0-2']);
  });

  test('lists repositories in pages, and names a missing one', async () => {
    ecr = await startEcr({ repositories: ['a1', 'b1', 'c1'], pageSize: 2 });
    const page = async (body: object): Promise<{ repositories: unknown[]; nextToken?: string }> =>
      (await (await call('DescribeRepositories', body)).json()) as never;
    const { nextToken, repositories } = await page({});
    expect(repositories).toHaveLength(2);
    expect((await page({ nextToken })).repositories).toHaveLength(1);
    expect(await page({ repositoryNames: ['a1', 'zz'] })).toMatchObject({ __type: 'RepositoryNotFoundException' });
  });

  test('fails a test whose fault no request triggered', async () => {
    const unmet = await startEcr();
    unmet.fault({ match: 'PUT /v2/' });
    await expect(unmet.stop()).rejects.toThrow('PUT /v2/');
    ecr = await startEcr();
    ecr.fault({ match: 'GetAuthorizationToken' });
    expect(await (await call('GetAuthorizationToken', {})).json()).toMatchObject({ __type: 'ThrottlingException' });
    expect((await call('GetAuthorizationToken', {})).status).toBe(200);
  });
});
