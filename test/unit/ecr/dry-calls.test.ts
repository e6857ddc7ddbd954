import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ecrRights } from '../../../src/ecr/dry-calls.ts';
import { ecrHost } from '../../../src/ecr/hosts.ts';
import { awsEnvironment, declaring, operations } from '../../support/ecr/access.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';

let ecr: TestEcr;
const rights = (prefix: string) => {
  const options = declaring(ecr);
  const host = ecrHost(ecr.host, options.ecrHosts);
  if (host === undefined) throw new Error('the stand-in is not declared');
  return ecrRights(host, prefix, `${prefix}/helm-airgap-doctor`, options);
};
const outcomes = (calls: readonly { action: string; outcome: string }[]) =>
  Object.fromEntries(calls.map(({ action, outcome }) => [action.replace('ecr:', ''), outcome]));
const denied = (match: string) => ({ match, code: 'AccessDeniedException', message: `not authorized: ecr:${match}` });

beforeEach(async () => {
  awsEnvironment();
  ecr = await startEcr({ repositories: ['other/app', 'mirror/app'], blobMounting: true });
});
afterEach(async () => {
  await ecr.stop();
  vi.unstubAllEnvs();
});

describe('the rights in a registry', () => {
  it('are asked for without changing anything', async () => {
    const before = JSON.stringify([...ecr.repositories].map(([name, { settings }]) => [name, settings]));
    const found = await rights('mirror');
    expect(found).toMatchObject({ repository: 'mirror/app', exists: true, mounting: 'ENABLED' });
    expect(outcomes(found.pull)).toEqual({
      DescribeRepositories: 'allowed',
      BatchGetImage: 'allowed',
      GetDownloadUrlForLayer: 'allowed',
    });
    expect(outcomes(found.push)).toEqual({
      BatchCheckLayerAvailability: 'allowed',
      UploadLayerPart: 'allowed',
      CompleteLayerUpload: 'allowed',
      PutImage: 'allowed',
    });
    expect([found.create?.outcome, found.delete?.outcome]).toEqual(['allowed', 'allowed']);
    const after = [...ecr.repositories].map(([name, { settings }]) => [name, settings]);
    expect(JSON.stringify(after)).toBe(before);
    expect([...ecr.repositories.values()].flatMap(({ manifests, blobs }) => [...manifests, ...blobs])).toEqual([]);
  });

  it('are asked for in a repository that does not exist, but not by calls that might create it', async () => {
    const found = await rights('mirr');
    expect(found).toMatchObject({ repository: 'mirr/helm-airgap-doctor', exists: false });
    expect(outcomes(found.push)).toEqual({
      BatchCheckLayerAvailability: 'allowed',
      UploadLayerPart: 'allowed',
      CompleteLayerUpload: 'allowed',
    });
    expect([found.create, found.delete]).toEqual([undefined, undefined]);
    expect(operations(ecr)).not.toContain('CreateRepository');
    expect([...ecr.repositories.keys()]).toEqual(['other/app', 'mirror/app']);
  });

  it.each(['PutImage', 'CreateRepository', 'BatchGetImage', 'BatchDeleteImage'])(
    'say that %s is denied',
    async (name) => {
      ecr.fault(denied(name));
      const { pull, push, create, delete: remove } = await rights('mirror');
      const all = [...pull, ...push, create, remove].flatMap((call) => call ?? []);
      expect(all.filter(({ outcome }) => outcome !== 'allowed')).toMatchObject([
        { action: `ecr:${name}`, outcome: 'denied', error: { code: 'forbidden' } },
      ]);
    },
  );

  it('are asked for in the prefix itself if repositories may not be listed', async () => {
    ecr.createRepository('mirror');
    ecr.denyListing();
    expect(await rights('mirror')).toMatchObject({ repository: 'mirror', exists: true });
    expect(await rights('none')).toMatchObject({ exists: false });
  });

  it('are not known after another error', async () => {
    ecr.fault({ match: 'PutImage', status: 400, code: 'KmsException', message: 'disabled key' });
    const { push } = await rights('mirror');
    expect(outcomes(push).PutImage).toBe('not-known');
  });

  it('are not asked for with credentials that AWS rejects', async () => {
    ecr.fault({ match: 'DescribeRepositories', status: 400, code: 'UnrecognizedClientException', message: 'no' });
    await expect(rights('mirror')).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
