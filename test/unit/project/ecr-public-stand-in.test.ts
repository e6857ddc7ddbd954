import { afterEach, describe, expect, test } from 'vitest';
import { basicOf } from '../../support/basic.ts';
import { startEcrPublic, type TestEcrPublic } from '../../support/ecr-public.ts';
import { pushImage } from '../../support/images.ts';

// The tests of ECR Public rely on the stand-in, so its own behaviour is tested here.
let ecr: TestEcrPublic;
afterEach(() => ecr.stop());

const call = (operation: string, body: unknown = {}, scope = 'us-east-1/ecr-public'): Promise<Response> =>
  fetch(ecr.endpoint, {
    method: 'POST',
    headers: {
      'x-amz-target': `SpencerFrontendService.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260102/${scope}/aws4_request`,
    },
    body: JSON.stringify(body),
  });

const host = (): string => new URL(ecr.endpoint).host;
const token = async (authorization?: string): Promise<string> => {
  const response = await fetch(`${ecr.endpoint}/token/`, { headers: authorization ? { authorization } : {} });
  return `Bearer ${((await response.json()) as { token: string }).token}`;
};
const ownToken = (): Promise<string> => token(`Basic ${ecr.storeLogin()}`);

describe('the stand-in for ECR Public', () => {
  test('exchanges its token for one of the registry, which is refused with 400 once it has expired', async () => {
    ecr = await startEcrPublic({ repositories: ['shop'] });
    const tags = (authorization?: string): Promise<Response> =>
      fetch(`${ecr.endpoint}/v2/acme/shop/tags/list`, { headers: authorization ? { authorization } : {} });
    expect((await tags()).headers.get('www-authenticate')).toMatch(/^Bearer realm="[^"]+\/token\/"/);
    expect((await fetch(`${ecr.endpoint}/token/`, { headers: { authorization: basicOf('AWS:no') } })).status).toBe(401);
    const { authorizationData } = (await (await call('GetAuthorizationToken')).json()) as {
      authorizationData: { authorizationToken: string };
    };
    const sent = await token(`Basic ${authorizationData.authorizationToken}`);
    expect((await tags(sent)).status).toBe(200);
    ecr.expireTokens();
    const refused = await tags(sent);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([400, null]);
  });

  test('takes images of its account only, into repositories that exist', async () => {
    ecr = await startEcrPublic({ aliases: ['acme', 'a1b2'] });
    const authorization = await ownToken();
    const push = (path: string, sent = authorization): Promise<string> =>
      pushImage(host(), path, '1', { name: 'shop', authorization: sent });
    await expect(push('acme/shop')).rejects.toThrow('NAME_UNKNOWN');
    expect((await call('CreateRepository', { repositoryName: 'shop' })).status).toBe(200);
    expect(await push('acme/shop')).toBe(await push('a1b2/shop'));
    await expect(push('other/shop')).rejects.toThrow('DENIED');
    await expect(push('acme/shop', await token())).rejects.toThrow('DENIED');
  });

  test('has its API in one region', async () => {
    ecr = await startEcrPublic();
    expect((await call('DescribeRegistries')).status).toBe(200);
    expect((await call('DescribeRegistries', {}, 'eu-central-1/ecr-public')).status).toBe(400);
    expect((await call('DescribeRegistries', {}, 'us-east-1/ecr')).status).toBe(400);
  });

  test('names a missing repository, and an existing one', async () => {
    ecr = await startEcrPublic({ repositories: ['shop'] });
    const codeOf = async (operation: string, body: object): Promise<unknown> =>
      ((await (await call(operation, body)).json()) as { __type?: string }).__type;
    expect(await codeOf('DescribeRepositories', { repositoryNames: ['shop', 'zz'] })).toBe(
      'RepositoryNotFoundException',
    );
    expect(await codeOf('CreateRepository', { repositoryName: 'shop' })).toBe('RepositoryAlreadyExistsException');
    expect(await codeOf('CreateRepository', { repositoryName: 'sh--op' })).toBe('InvalidParameterException');
    expect(await codeOf('GetRepositoryCatalogData', { repositoryName: 'shop' })).toBe(
      'RepositoryCatalogDataNotFoundException',
    );
  });
});
