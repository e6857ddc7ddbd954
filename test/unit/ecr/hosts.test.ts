import { describe, expect, it } from 'vitest';
import { ecrHost, parseEcrHost } from '../../../src/ecr/hosts.ts';

const account = '123456789012';

describe('the name of a private ECR registry', () => {
  it.each([
    [`${account}.dkr.ecr.us-east-1.amazonaws.com`, 'us-east-1', false, false],
    [`${account}.dkr.ecr.us-gov-west-1.amazonaws.com`, 'us-gov-west-1', false, false],
    [`${account}.dkr.ecr-fips.us-gov-west-1.amazonaws.com`, 'us-gov-west-1', true, false],
    [`${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`, 'cn-north-1', false, false],
    [`${account}.dkr.ecr.eusc-de-east-1.amazonaws.eu`, 'eusc-de-east-1', false, false],
    [`${account}.dkr.ecr.us-iso-east-1.c2s.ic.gov`, 'us-iso-east-1', false, false],
    [`${account}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov`, 'us-isob-east-1', false, false],
    [`${account}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk`, 'eu-isoe-west-1', false, false],
    [`${account}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov`, 'us-isof-south-1', false, false],
    [`${account}.dkr-ecr.eu-central-1.on.aws`, 'eu-central-1', false, true],
    [`${account}.dkr-ecr-fips.us-east-2.on.aws`, 'us-east-2', true, true],
    [`${account}.DKR.ECR.US-EAST-1.amazonaws.com`, 'us-east-1', false, false],
  ])('%s is parsed', (host, region, fips, dualStack) => {
    expect(parseEcrHost(host)).toEqual({ host: host.toLowerCase(), account, region, fips, dualStack });
  });

  it.each([
    ['vpce-0123456789abcdef0-abcdefgh.dkr.ecr.us-east-1.vpce.amazonaws.com', 'us-east-1', false],
    ['vpce-0a-b-us-east-1a.dkr.ecr.us-east-1.vpce.amazonaws.com', 'us-east-1', false],
    ['vpce-0a-b.dkr.ecr-fips.us-gov-west-1.vpce.amazonaws.com', 'us-gov-west-1', true],
    ['vpce-0a-b.dkr.ecr.cn-north-1.vpce.amazonaws.com.cn', 'cn-north-1', false],
  ])('%s, a VPC endpoint, is parsed', (host, region, fips) => {
    expect(parseEcrHost(host)).toEqual({ host, account: undefined, region, fips, dualStack: false });
  });

  it.each([
    'public.ecr.aws',
    'vpce-0a-b.api.ecr.us-east-1.vpce.amazonaws.com',
    'quay.io',
    `${account}.dkr.ecr.us-east-1.amazonaws.com.evil.example`,
    `${account}.dkr.ecr.us-east-1.example.com`,
    `x.${account}.dkr.ecr.us-east-1.amazonaws.com`,
    '12345.dkr.ecr.us-east-1.amazonaws.com',
    `${account}.dkr-ecr.us-east-1.amazonaws.com`,
    `${account}.dkr.ecr.us-east-1.on.aws`,
    `${account}.dkr.ecr.amazonaws.com`,
  ])('is not %s', (host) => {
    expect(parseEcrHost(host)).toBeUndefined();
  });

  it('can be declared for any other host', () => {
    const declared = [{ host: 'ecr.intern.example:5000', region: 'eu-west-1' }];
    expect(ecrHost('ECR.intern.example:5000', declared)).toMatchObject({ account: undefined, region: 'eu-west-1' });
    expect(ecrHost('other.example', declared)).toBeUndefined();
  });
});
