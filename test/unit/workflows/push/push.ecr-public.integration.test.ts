import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseTarget } from '../../../../src/naming/naming.ts';
import type { Context } from '../../../../src/session/context.ts';
import { missingRepositories, planPush } from '../../../../src/workflows/push/plan-push.ts';
import { type PushOptions, push } from '../../../../src/workflows/push/push.ts';
import type { RepositoryOptions } from '../../../../src/workflows/push/repositories.ts';
import { ecrPublicForTest, type TestEcrPublic } from '../../../support/ecr-public.ts';
import { bundleFile, context, publicPushOptions } from '../../../support/push-to-ecr.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const silently = async (): Promise<void> => {};
const paths = ['charts/demo', 'docker.io/library/b', 'quay.io/a', 'quay.io/multi'].map((name) => `acme/m/${name}`);
const catalogData = { description: 'Charts of Acme', operatingSystems: ['Linux'] } as const;

const inside = ({ env }: TestEcrPublic, more: Partial<Context> = {}): Context => ({ ...context, env, ...more });
const settingsOf = (options: Partial<RepositoryOptions>): Partial<PushOptions> => ({
  repositories: { create: 'missing', reconcile: false, settings: {}, ...options },
});

/** Returns the requests that changed anything. */
function changes({ requests }: TestEcrPublic, since = 0): string[] {
  const all = requests.slice(since).map(({ request }) => request);
  return all.filter((request) => /^(?:PUT|POST|PATCH|DELETE) |^(?:Create|Put|Set|Tag)/.test(request));
}

/** Takes away the AWS credentials of this process. */
function withoutCredentials(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
}

describe('a push to ECR Public', () => {
  it('creates repositories with catalog data, and logs in once', async () => {
    const ecr = await ecrPublicForTest();
    const options = publicPushOptions(ecr, [await bundleFile()], settingsOf({ settings: { catalogData } }));
    const [result] = await push(inside(ecr), options, silently);
    expect([...(result?.created ?? [])].sort()).toEqual([...paths].sort());
    expect([...ecr.repositories.keys()].sort()).toEqual([...paths].sort());
    for (const { settings, tags } of ecr.repositories.values()) {
      expect(settings).toEqual({ catalogData });
      expect(tags.size).toBeGreaterThan(0);
    }
    expect(ecr.operations().filter((what) => what === 'GetAuthorizationToken')).toHaveLength(1);
  });

  it('changes nothing the second time', async () => {
    const ecr = await ecrPublicForTest();
    const options = publicPushOptions(ecr, [await bundleFile()], settingsOf({ settings: { catalogData } }));
    await push(inside(ecr), options, silently);
    const before = ecr.requests.length;
    const again = settingsOf({ settings: { catalogData }, reconcile: true });
    const [result] = await push(inside(ecr), { ...options, ...again }, silently);
    expect(result).toMatchObject({ created: [], reconciled: [], bytes: 0 });
    expect(changes(ecr, before)).toEqual([]);
  });

  it('goes on when the tokens of the registry expire, which it answers with 400', async () => {
    const ecr = await ecrPublicForTest();
    const expiring = inside(ecr, {
      emit: ({ type }) => {
        if (type === 'image') ecr.expireTokens();
      },
    });
    const [result] = await push(expiring, publicPushOptions(ecr, [await bundleFile()]), silently);
    expect(result?.images).toHaveLength(3);
    expect(ecr.requests.filter(({ plane, status }) => plane === 'data' && status === 400).length).toBeGreaterThan(0);
    expect(ecr.operations().filter((what) => what === 'GET /token/').length).toBeGreaterThan(2);
  });

  it('continues with what another client creates meanwhile', async () => {
    const ecr = await ecrPublicForTest();
    const [first = ''] = paths;
    const racing = inside(ecr, {
      emit: (event) => {
        if (event.type === 'step' && event.title.startsWith('creating')) ecr.createRepository(first);
      },
    });
    const [result] = await push(racing, publicPushOptions(ecr, [await bundleFile()]), silently);
    expect([...(result?.created ?? [])].sort()).toEqual(paths.slice(1).sort());
    expect(ecr.repositories.get(first)?.tags.size).toBeGreaterThan(0);
  });

  it('without the permission to create repositories sends nothing', async () => {
    const ecr = await ecrPublicForTest({ denied: ['CreateRepository'] });
    const failed = push(inside(ecr), publicPushOptions(ecr, [await bundleFile()]), silently);
    await expect(failed).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(paths[0] as string),
    });
    expect(changes(ecr).filter((request) => request !== 'CreateRepository')).toEqual([]);
  });

  it('without the permission for a token sends nothing to the registry', async () => {
    const ecr = await ecrPublicForTest({ denied: ['GetAuthorizationToken'] });
    const failed = push(inside(ecr), publicPushOptions(ecr, [await bundleFile()]), silently);
    const cause = { code: 'forbidden', message: expect.stringContaining('sts:GetServiceBearerToken') };
    await expect(failed).rejects.toMatchObject({ causes: Array.from(paths, () => cause) });
    expect(ecr.requests.filter(({ plane, status }) => plane === 'data' && status < 300)).toEqual([]);
  });

  it('of a foreign alias creates and sends nothing', async () => {
    const ecr = await ecrPublicForTest();
    const targets = [parseTarget('public.ecr.aws/other/m', 'host-path')];
    const options = publicPushOptions(ecr, [await bundleFile()], { targets });
    await expect(push(inside(ecr), options, silently)).rejects.toMatchObject({ code: 'usage' });
    expect(changes(ecr)).toEqual([]);
  });

  it('with --create-repositories=never lists missing repositories and sends nothing', async () => {
    const ecr = await ecrPublicForTest({ repositories: ['m/quay.io/a'] });
    const options = publicPushOptions(ecr, [await bundleFile()], settingsOf({ create: 'never' }));
    await expect(push(inside(ecr), options, silently)).rejects.toMatchObject({ code: 'repository-missing' });
    const { kind, paths: missing } = await missingRepositories(inside(ecr), options);
    expect([kind, [...missing].sort()]).toEqual(['public', paths.filter((path) => path !== 'acme/m/quay.io/a').sort()]);
    const [plan] = await planPush(inside(ecr), options);
    expect(plan?.repositories).toMatchObject({ existing: ['acme/m/quay.io/a'] });
    expect(changes(ecr)).toEqual([]);
  });
});

describe('a push to ECR Public without AWS credentials', () => {
  it('and without a stored login fails before anything is sent', async () => {
    const ecr = await ecrPublicForTest({ repositories: paths.map((path) => path.slice('acme/'.length)) });
    withoutCredentials();
    const file = await bundleFile();
    const within = (create: 'missing' | 'never') => publicPushOptions(ecr, [file], settingsOf({ create }));
    await expect(push(inside(ecr), within('missing'), silently)).rejects.toMatchObject({ code: 'unauthorized' });
    const error = await push(inside(ecr), within('never'), silently).then(
      () => undefined,
      (reason: { message: string; hint?: string; causes: { code: string; hint?: string }[] }) => reason,
    );
    expect(error?.causes[0]).toMatchObject({ code: 'unauthorized', hint: expect.stringContaining('ecr-public') });
    expect(changes(ecr)).toEqual([]);
    expect(ecr.operations()).toEqual([]);
  });

  it('uses a stored login with --create-repositories=never', async () => {
    const ecr = await ecrPublicForTest({ repositories: paths.map((path) => path.slice('acme/'.length)) });
    withoutCredentials();
    const home = scratchFolder();
    mkdirSync(join(home, '.docker'));
    const auth = ecr.storeLogin();
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { 'public.ecr.aws': { auth } } }));
    const own = { ...inside(ecr), env: { ...ecr.env, HOME: home } };
    const [result] = await push(
      own,
      publicPushOptions(ecr, [await bundleFile()], settingsOf({ create: 'never' })),
      silently,
    );
    expect(result?.images).toHaveLength(3);
  });
});

it('private and public repositories have no common definitions', async () => {
  const ecr = await ecrPublicForTest();
  const options = publicPushOptions(ecr, [await bundleFile()]);
  const privateTarget = parseTarget('123456789012.dkr.ecr.us-east-1.amazonaws.com/m', 'host-path');
  const both = { ...options, targets: [...options.targets, privateTarget] };
  await expect(missingRepositories(inside(ecr), both)).rejects.toMatchObject({ code: 'usage' });
});
