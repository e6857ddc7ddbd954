import { describe, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { ecrPublicKeychain, ecrPublicTargetKeychain } from '../../../src/ecr/keychain.ts';
import { ROLE_KEY } from '../../support/ecr/sts.ts';
import { ecrPublicForTest } from '../../support/ecr-public.ts';

const host = 'public.ecr.aws';

describe.each([
  ['for reading', ecrPublicKeychain],
  ['for a push', ecrPublicTargetKeychain],
])('the keychain of public.ecr.aws %s', (_, create) => {
  it('fetches one token, and another when it is refused', async () => {
    const { env, operations } = await ecrPublicForTest();
    const keychain = create({ env });
    const [first, second] = [await keychain.lookup(host), await keychain.lookup(host)];
    expect(first).toMatchObject({ kind: 'basic', username: 'AWS', source: expect.stringContaining('AWS credentials') });
    expect(second).toEqual(first);
    expect(operations()).toEqual(['GetAuthorizationToken']);
    keychain.forget?.(host);
    expect(await keychain.lookup(host)).not.toEqual(first);
    expect(operations()).toHaveLength(2);
    expect(keychain.sources?.(host)).toHaveLength(1);
  });

  it('ignores other hosts', async () => {
    const { env, operations } = await ecrPublicForTest();
    expect(await create({ env }).lookup('quay.io')).toBeUndefined();
    expect(operations()).toEqual([]);
  });
});

describe('the keychain of public.ecr.aws for a push', () => {
  it('tries again when the API throttles', async () => {
    const { env, fault } = await ecrPublicForTest();
    fault({ match: 'GetAuthorizationToken', times: 2 });
    expect(await ecrPublicTargetKeychain({ env }).lookup(host)).toMatchObject({ kind: 'basic' });
  });

  it('assumes a role first, which reading does not need', async () => {
    const { env, operations, requests } = await ecrPublicForTest();
    const roleArn = 'arn:aws:iam::123456789012:role/push';
    await ecrPublicTargetKeychain({ env, roleArn }).lookup(host);
    expect(operations()).toEqual(['AssumeRole', 'GetAuthorizationToken']);
    expect(requests.at(-1)?.key).toBe(ROLE_KEY);
    await ecrPublicKeychain({ env, roleArn }).lookup(host);
    expect(operations().filter((what) => what === 'AssumeRole')).toHaveLength(1);
  });

  it('fails without the permission', async () => {
    const { env, fault } = await ecrPublicForTest();
    const message = 'not authorized to perform: sts:GetServiceBearerToken on resource: *';
    fault({ match: 'GetAuthorizationToken', code: 'AccessDeniedException', message });
    await expect(ecrPublicTargetKeychain({ env }).lookup(host)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('sts:GetServiceBearerToken'),
    });
  });

  it('leaves the login to stored ones without AWS credentials, with a warning', async () => {
    const { env } = await ecrPublicForTest();
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const events: AirgapEvent[] = [];
    const keychain = ecrPublicTargetKeychain({ env, emit: (event) => void events.push(event) });
    expect(await keychain.lookup(host)).toBeUndefined();
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
  });
});
