import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EcrHost, parseEcrHost } from '../../../src/ecr/hosts.ts';
import { callerIdentity, credentialSource, ecrEndpoints } from '../../../src/ecr/identity.ts';
import { awsEnvironment } from '../../support/ecr/access.ts';
import { startEcr } from '../../support/ecr.ts';
import { scratchFolder } from '../../support/scratch.ts';

const hostOf = (name: string): EcrHost => {
  const host = parseEcrHost(name);
  if (host === undefined) throw new Error(`${name} is no host of ECR`);
  return host;
};
const host = hostOf('123456789012.dkr.ecr.us-east-1.amazonaws.com');
beforeEach(() => awsEnvironment());
afterEach(() => void vi.unstubAllEnvs());

describe('the source of AWS credentials', () => {
  it('is the environment', async () => {
    const { source, usesSts } = await credentialSource(host, { env: {} });
    expect(source).toContain('AWS_ACCESS_KEY_ID');
    expect(source).not.toContain('AKIAEXAMPLE');
    expect(usesSts).toBe(false);
  });

  it('is a profile', async () => {
    const file = join(scratchFolder(), 'credentials');
    writeFileSync(file, '[site]\naws_access_key_id = AKIASITE\naws_secret_access_key = site-secret\n');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    expect((await credentialSource(host, { env: {}, profile: 'site' })).source).toContain('profile site');
  });

  it('is missing', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
    await expect(credentialSource(host, { env: {} })).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

it('asks STS whose credentials they are', async () => {
  const ecr = await startEcr();
  try {
    const identity = await callerIdentity(host, { env: { AWS_ENDPOINT_URL_STS: ecr.endpoint } });
    expect(identity).toEqual({ account: '123456789012', arn: 'arn:aws:iam::123456789012:user/pusher' });
  } finally {
    await ecr.stop();
  }
});

describe('the endpoints of a registry', () => {
  it.each([
    ['123456789012.dkr.ecr.eu-central-1.amazonaws.com', 'api.ecr.eu-central-1.amazonaws.com', 'amazonaws.com'],
    ['123456789012.dkr.ecr-fips.us-east-1.amazonaws.com', 'api.ecr-fips.us-east-1.amazonaws.com', 'amazonaws.com'],
    ['123456789012.dkr-ecr.us-east-1.on.aws', 'ecr.us-east-1.api.aws', 'amazonaws.com'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'api.ecr.cn-north-1.amazonaws.com.cn', 'amazonaws.com.cn'],
  ])('of %s', async (name, api, suffix) => {
    const { region } = hostOf(name);
    const found = await ecrEndpoints(hostOf(name), { env: {} });
    expect(found.api.host).toBe(api);
    expect(found.sts.host).toBe(`sts.${region}.${suffix}`);
    expect(found.layers.host).toBe(`prod-${region}-starport-layer-bucket.s3.${region}.${suffix}`);
  });

  it('are those of flags and variables', async () => {
    const env = { AWS_ENDPOINT_URL_STS: 'https://sts.example' };
    const found = await ecrEndpoints(host, { env, endpointUrl: 'https://vpce.example' });
    expect([found.api.host, found.sts.host]).toEqual(['vpce.example', 'sts.example']);
    await expect(ecrEndpoints(host, { env: {}, endpointUrl: 'vpce.example' })).rejects.toMatchObject({
      code: 'config',
    });
  });
});
