import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { type EcrHost, ecrHost } from '../../../src/ecr/hosts.ts';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import { ensureRepositories, findRepositories } from '../../../src/ecr/repositories.ts';
import { awsEnvironment, declaring, operations } from '../../support/ecr/access.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';

let ecr: TestEcr;
let host: EcrHost;
beforeEach(async () => {
  awsEnvironment();
  ecr = await startEcr({ repositories: ['mirrored/there'] });
  host = ecrHost(ecr.host, options().ecrHosts) as EcrHost;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await ecr.stop();
});

const options = (): EcrOptions => declaring(ecr);
const control = (): string[] => operations(ecr);

function warningsOf(events: readonly AirgapEvent[]): AirgapEvent[] {
  return events.filter(({ type }) => type === 'warning');
}

describe('repositories', () => {
  it('are created when they are missing', async () => {
    const names = ['mirrored/a', 'mirrored/there', 'mirrored/b', 'mirrored/a'];
    const settings = {
      immutable: true,
      except: ['dev-*', 'latest'],
      scanOnPush: true,
      kmsKey: 'alias/own',
      tags: { team: 'x' },
      lifecyclePolicy: '{"rules":[]}',
      repositoryPolicy: '{"Version":"2012-10-17"}',
    };
    const ensured = await ensureRepositories(host, names, { ...options(), settings });
    expect(ensured).toEqual({
      existing: ['mirrored/there'],
      created: ['mirrored/a', 'mirrored/b'],
      onPush: [],
      reconciled: [],
    });
    expect(ecr.repositories.get('mirrored/a')?.settings).toMatchObject({
      registryId: '123456789012',
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [
        { filterType: 'WILDCARD', filter: 'dev-*' },
        { filterType: 'WILDCARD', filter: 'latest' },
      ],
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/own' },
      tags: [{ Key: 'team', Value: 'x' }],
      lifecyclePolicyText: '{"rules":[]}',
      policyText: '{"Version":"2012-10-17"}',
    });
    expect(ecr.repositories.get('mirrored/there')?.settings).toEqual({});
  });

  it('are described 100 at a time', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `mirrored/r${index}`);
    for (const name of names) ecr.createRepository(name);
    const ensured = await ensureRepositories(host, names, options());
    expect(ensured.existing).toEqual(names);
    expect(control()).toEqual(['DescribeRepositories', 'DescribeRepositories', 'DescribeRepositories']);
  });

  it('created by someone else meanwhile count as existing', async () => {
    ecr.fault({ match: 'CreateRepository', code: 'RepositoryAlreadyExistsException', message: 'exists' });
    expect(await ensureRepositories(host, ['mirrored/a'], options())).toMatchObject({
      existing: ['mirrored/a'],
      created: [],
    });
  });

  it('are no longer created after an interrupt', async () => {
    const abort = new AbortController();
    const emit = ({ type }: AirgapEvent): void => {
      if (type === 'retry') abort.abort();
    };
    ecr.fault({ match: 'CreateRepository' });
    const names = Array.from({ length: 20 }, (_, i) => `mirrored/r${i}`);
    const ensured = ensureRepositories(host, names, { ...options(), emit, signal: abort.signal });
    await expect(ensured).rejects.toMatchObject({ code: 'interrupted' });
    expect(control().filter((what) => what === 'CreateRepository').length).toBeLessThan(10);
  });

  it('that may not be created are all listed', async () => {
    ecr.fault({ match: 'CreateRepository', times: 2, code: 'AccessDeniedException', message: 'not authorized' });
    const ensured = ensureRepositories(host, ['mirrored/a', 'mirrored/there', 'mirrored/b'], options());
    await expect(ensured).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(new RegExp(`^${ecr.host}: .*: mirrored/a, mirrored/b$`)),
    });
  });

  it('with invalid names are all reported before any request', async () => {
    const names = ['ok/name', 'Upper/case', 'double__underscore', 'a--b', `${'x'.repeat(257)}`];
    const ensured = ensureRepositories(host, names, options());
    await expect(ensured).rejects.toMatchObject({ code: 'reference-invalid' });
    await expect(ensured).rejects.toThrow(/\b4\b.*Upper\/case, double__underscore, a--b, x+$/);
    expect(control()).toEqual([]);
  });
});

describe('existing repositories', () => {
  it('are found in the list when some are missing', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `mirrored/r${index}`);
    for (const name of names) ecr.createRepository(name);
    const found = await findRepositories(host, [...names, 'mirrored/new'], options());
    expect(found).toEqual({ existing: names, missing: ['mirrored/new'], onPush: [] });
    const requests = control().filter((what) => what === 'DescribeRepositories');
    // Three batches by name, the last of which fails, and three pages.
    expect(requests).toHaveLength(6);
    expect(control()).not.toContain('CreateRepository');
  });

  it('are found by name when listing is denied', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `mirrored/r${index}`);
    for (const name of names.slice(0, 13)) ecr.createRepository(name);
    ecr.denyListing();
    const found = await findRepositories(host, names, options());
    expect(found).toEqual({ existing: names.slice(0, 13), missing: names.slice(13), onPush: [] });
  });

  it('are changed only when they are reconciled', async () => {
    const settings = { immutable: true, scanOnPush: true, tags: { team: 'x' }, lifecyclePolicy: '{"rules":[]}' };
    await ensureRepositories(host, ['mirrored/there'], { ...options(), settings });
    expect(ecr.repositories.get('mirrored/there')?.settings).toEqual({});
    const changed = await ensureRepositories(host, ['mirrored/there'], { ...options(), settings, reconcile: true });
    expect(changed.reconciled).toEqual([
      { name: 'mirrored/there', changes: ['mutability', 'scan', 'tags', 'policies'] },
    ]);
    expect(ecr.repositories.get('mirrored/there')?.settings).toMatchObject({
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      tags: [{ Key: 'team', Value: 'x' }],
      lifecyclePolicyText: '{"rules":[]}',
    });
    const { lifecyclePolicy: _, tags: __, ...fixed } = settings;
    const again = await ensureRepositories(host, ['mirrored/there'], {
      ...options(),
      settings: fixed,
      reconcile: true,
    });
    expect(again.reconciled).toEqual([]);
  });

  it('keep their key, with a warning', async () => {
    const events: AirgapEvent[] = [];
    const emit = (event: AirgapEvent): void => void events.push(event);
    await ensureRepositories(host, ['mirrored/there'], {
      ...options(),
      settings: { kmsKey: 'alias/own' },
      reconcile: true,
      emit,
    });
    expect(warningsOf(events)).toMatchObject([{ message: expect.stringMatching(/mirrored\/there.*KMS/) }]);
  });
});

describe('repositories under a creation template', () => {
  const templates = [
    { prefix: 'mirrored', appliedFor: ['CREATE_ON_PUSH'] },
    { prefix: 'mirrored/quay.io', appliedFor: ['PULL_THROUGH_CACHE'] },
  ];

  it('are left to ECR, others are created', async () => {
    await ecr.stop();
    ecr = await startEcr({ templates });
    const names = ['mirrored/ghcr.io/a', 'mirrored/quay.io/a', 'mirrored2/a', 'mirrored'];
    const events: AirgapEvent[] = [];
    const emit = (event: AirgapEvent): void => void events.push(event);
    const ensured = await ensureRepositories(host, names, { ...options(), settings: { immutable: true }, emit });
    expect(ensured).toMatchObject({
      onPush: ['mirrored/ghcr.io/a'],
      // A longer prefix that does not apply to pushes makes the outcome uncertain.
      created: ['mirrored/quay.io/a', 'mirrored2/a', 'mirrored'],
    });
    expect(ecr.repositories.has('mirrored/ghcr.io/a')).toBe(false);
    expect(warningsOf(events)).toMatchObject([{ message: expect.stringContaining('mirrored/ghcr.io/a') }]);
  });

  it('may use the default template', async () => {
    await ecr.stop();
    ecr = await startEcr({ templates: [{ prefix: 'ROOT', appliedFor: ['CREATE_ON_PUSH'] }] });
    expect((await findRepositories(host, ['x/y'], options())).onPush).toEqual(['x/y']);
  });

  it('are created when templates cannot be read', async () => {
    ecr.fault({ match: 'DescribeRepositoryCreationTemplates', code: 'AccessDeniedException', message: 'no' });
    expect((await ensureRepositories(host, ['mirrored/a'], options())).created).toEqual(['mirrored/a']);
  });
});
