import { DescribeRepositoriesCommand, ECRClient, GetLifecyclePolicyCommand } from '@aws-sdk/client-ecr';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../src/base/events.ts';
import { type EcrHost, ecrHost } from '../../src/ecr/hosts.ts';
import { ensureRepositories, findRepositories } from '../../src/ecr/repositories.ts';
import { type SecondOpinion, startMoto } from '../support/second-opinions.ts';

/** Calls of ECR's control plane, checked by moto, which validates arguments as AWS documents them. */

const ACCOUNT = '123456789012';
const host = ecrHost(`${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com`) as EcrHost;
const lifecyclePolicy = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 },
      action: { type: 'expire' },
    },
  ],
});
const repositoryPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Pull',
      Effect: 'Allow',
      Principal: { AWS: 'arn:aws:iam::210987654321:root' },
      Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    },
  ],
});

let moto: SecondOpinion;
let client: ECRClient;
const events: AirgapEvent[] = [];
const options = () => ({ env: {}, endpointUrl: moto.url, emit: (event: AirgapEvent) => void events.push(event) });

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret-key');
  moto = await startMoto(ACCOUNT);
  client = new ECRClient({ region: 'eu-central-1', endpoint: moto.url });
});
afterAll(async () => {
  client.destroy();
  vi.unstubAllEnvs();
  await moto.stop();
});

it('creates repositories with every setting, and finds them', async () => {
  const names = ['mirrored/quay.io/a', 'mirrored/charts/web'];
  const settings = {
    immutable: true,
    except: ['dev-*', 'latest'],
    scanOnPush: true,
    kmsKey: 'aws/ecr',
    tags: { team: 'x' },
    lifecyclePolicy,
    repositoryPolicy,
  };
  expect(await ensureRepositories(host, names, { ...options(), settings })).toMatchObject({ created: names });
  // moto 5.2.5 has no creation templates: it answers 500 with a page of HTML, and repositories are created then.
  const warnings = events.filter(({ type }) => type === 'warning');
  expect(warnings).toEqual([{ type: 'warning', message: expect.stringMatching(/template/i) }]);
  const { repositories = [] } = await client.send(new DescribeRepositoriesCommand({ repositoryNames: names }));
  expect(repositories).toHaveLength(2);
  for (const repository of repositories) {
    expect(repository).toMatchObject({
      registryId: ACCOUNT,
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [
        { filterType: 'WILDCARD', filter: 'dev-*' },
        { filterType: 'WILDCARD', filter: 'latest' },
      ],
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'KMS' },
    });
  }
  const policy = await client.send(new GetLifecyclePolicyCommand({ repositoryName: 'mirrored/charts/web' }));
  expect(JSON.parse(policy.lifecyclePolicyText ?? '')).toEqual(JSON.parse(lifecyclePolicy));

  expect(await ensureRepositories(host, names, options())).toEqual({
    existing: names,
    onPush: [],
    created: [],
    reconciled: [],
  });
});

it('reconciles existing repositories if asked to, and only settings that differ', async () => {
  const name = 'mirrored/plain';
  await ensureRepositories(host, [name], options());
  const settings = { immutable: true, scanOnPush: true, tags: { team: 'y' }, lifecyclePolicy };
  const change = () => ensureRepositories(host, [name], { ...options(), settings, reconcile: true });
  expect((await change()).reconciled).toEqual([{ name, changes: ['mutability', 'scan', 'tags', 'policies'] }]);
  expect((await change()).reconciled).toEqual([{ name, changes: ['tags', 'policies'] }]);
  const [repository] =
    (await client.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }))).repositories ?? [];
  expect(repository).toMatchObject({
    imageTagMutability: 'IMMUTABLE',
    imageScanningConfiguration: { scanOnPush: true },
  });
});

it('reports settings that ECR refuses, and keeps the repository', async () => {
  const name = 'mirrored/refused';
  const settings = { lifecyclePolicy: '{"rules": [{"rulePriority": 1, "action": {"type": "expire"}}]}' };
  await expect(ensureRepositories(host, [name], { ...options(), settings })).rejects.toMatchObject({
    message: expect.stringContaining(name),
    hint: expect.stringContaining('--reconcile'),
  });
  expect((await findRepositories(host, [name, 'mirrored/absent'], options())).missing).toEqual(['mirrored/absent']);
});
