import { beforeEach, describe, expect, it } from 'vitest';
import { ensurePublicRepositories, findPublicRepositories } from '../../../../src/ecr/public/repositories.ts';
import { type EcrPublicOptions, ecrPublicForTest, type TestEcrPublic } from '../../../support/ecr-public.ts';

let ecr: TestEcrPublic;
const start = async (options: EcrPublicOptions = {}): Promise<void> => {
  ecr = await ecrPublicForTest({ repositories: ['m/there'], ...options });
};
beforeEach(() => start());

const none = { settings: {}, reconcile: false };
const ensure = (paths: readonly string[], more: Partial<Parameters<typeof ensurePublicRepositories>[1]> = {}) =>
  ensurePublicRepositories(paths, { env: ecr.env, ...none, ...more });
const find = (paths: readonly string[]) => findPublicRepositories(paths, { env: ecr.env });

const catalogData = {
  description: 'Charts of Acme',
  architectures: ['x86-64', 'ARM 64'],
  operatingSystems: ['Linux'],
  usageText: '# Use\n',
  logoImageBlob: Buffer.from('logo').toString('base64'),
} as const;

describe('repositories of ECR Public', () => {
  it('are created with their settings when they are missing', async () => {
    const settings = { tags: { team: 'x' }, repositoryPolicy: '{"Version":"2012-10-17"}', catalogData };
    expect(await ensure(['acme/m/a', 'acme/m/there', 'acme/m/a'], { settings })).toEqual({
      existing: ['acme/m/there'],
      onPush: [],
      created: ['acme/m/a'],
      reconciled: [],
    });
    expect(ecr.repositories.get('acme/m/a')?.settings).toEqual({
      catalogData,
      tags: [{ Key: 'team', Value: 'x' }],
      policyText: '{"Version":"2012-10-17"}',
    });
    expect(ecr.repositories.get('acme/m/there')?.settings).toEqual({});
  });

  it('are only looked up by find', async () => {
    expect(await find(['acme/m/a', 'acme/m/there'])).toEqual({
      existing: ['acme/m/there'],
      missing: ['acme/m/a'],
      onPush: [],
    });
    expect(ecr.operations()).not.toContain('CreateRepository');
  });

  it('are found by name when listing is denied', async () => {
    ecr.denyListing();
    const { missing } = await find(['acme/m/a', 'acme/m/there', 'acme/m/b']);
    expect(missing).toEqual(['acme/m/a', 'acme/m/b']);
  });

  it('created by someone else meanwhile count as existing', async () => {
    ecr.fault({ match: 'CreateRepository', code: 'RepositoryAlreadyExistsException', message: 'exists' });
    expect(await ensure(['acme/m/a'])).toMatchObject({ existing: ['acme/m/a'], created: [] });
  });

  it('that may not be created are all listed', async () => {
    ecr.fault({ match: 'CreateRepository', times: 2, code: 'AccessDeniedException', message: 'not authorized' });
    await expect(ensure(['acme/m/a', 'acme/m/b'])).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/^public\.ecr\.aws: .*: acme\/m\/a, acme\/m\/b$/),
    });
  });

  it('are created in spite of throttling', async () => {
    ecr.fault({ match: 'CreateRepository', times: 3 });
    expect((await ensure(['acme/m/a', 'acme/m/b'])).created).toEqual(['acme/m/a', 'acme/m/b']);
  });

  it('are described 100 at a time', async () => {
    const paths = Array.from({ length: 150 }, (_, index) => `acme/m/r${index}`);
    await ensure(paths);
    const before = ecr.operations().length;
    expect((await ensure(paths)).created).toEqual([]);
    expect(ecr.operations().slice(before)).toEqual([
      'DescribeRegistries',
      'DescribeRepositories',
      'DescribeRepositories',
    ]);
  });

  it.each(['acme/m/A', 'acme/m/a--b', `acme/${'x'.repeat(206)}`])('need a legal name: %s', async (path) => {
    await expect(ensure([path])).rejects.toMatchObject({ code: 'reference-invalid' });
    expect((await ensure([`acme/${'x'.repeat(205)}`])).created).toHaveLength(1);
  });

  it('need a name besides the alias', async () => {
    await expect(ensure(['acme'])).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('the alias of a registry', () => {
  it.each([
    ['of another account', 'other/m/a'],
    ['is missing', 'docker.io/library/nginx'],
  ])('that %s is refused, with those of the account', async (_, path) => {
    const refused = ensure([path, 'acme/m/b']);
    await expect(refused).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('acme (primary)') });
    await expect(refused).rejects.toThrow(path.split('/')[0]);
    expect(ecr.operations()).toEqual(['DescribeRegistries']);
  });

  it('with several of them: each may be used, except those that are not approved', async () => {
    await start({ aliases: ['acme', 'a1b2c3d4'], pending: ['wanted'] });
    expect((await ensure(['a1b2c3d4/m/there', 'acme/m/there'])).existing).toHaveLength(2);
    const refused = ensure(['wanted/m/there']);
    await expect(refused).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('a1b2c3d4') });
    await expect(refused).rejects.not.toMatchObject({ hint: expect.stringContaining('wanted') });
  });

  it('without any of them: the error says how to get one', async () => {
    await start({ aliases: [], repositories: [] });
    await expect(ensure(['acme/m/a'])).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('aws ecr-public create-repository'),
    });
  });

  it('cannot be checked without permission', async () => {
    ecr.fault({ match: 'DescribeRegistries', code: 'AccessDeniedException', message: 'not authorized' });
    await expect(ensure(['acme/m/a'])).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('existing repositories of ECR Public', () => {
  const { logoImageBlob: _, ...texts } = catalogData;
  const reconcile = (settings: Parameters<typeof ensure>[1] & object) =>
    ensure(['acme/m/there'], { ...settings, reconcile: true });

  it('get the settings when they are reconciled, and keep other catalog data', async () => {
    await reconcile({ settings: { catalogData: { aboutText: 'About', description: 'old' } } });
    const settings = { tags: { team: 'x' }, repositoryPolicy: '{"Version":"2012-10-17"}', catalogData: texts };
    expect((await reconcile({ settings })).reconciled).toEqual([
      { name: 'acme/m/there', changes: ['catalog', 'tags', 'policies'] },
    ]);
    expect(ecr.repositories.get('acme/m/there')?.settings).toEqual({
      catalogData: { ...texts, aboutText: 'About' },
      tags: [{ Key: 'team', Value: 'x' }],
      policyText: '{"Version":"2012-10-17"}',
    });
  });

  it('are not changed when they have the catalog data already, in any order', async () => {
    await reconcile({ settings: { catalogData: texts } });
    const again = { ...texts, architectures: [...texts.architectures].reverse() };
    expect((await reconcile({ settings: { catalogData: again } })).reconciled).toEqual([]);
    expect(ecr.operations().filter((what) => what === 'PutRepositoryCatalogData')).toHaveLength(1);
  });

  it('are named when they may not be changed', async () => {
    ecr.fault({ match: 'PutRepositoryCatalogData', code: 'AccessDeniedException', message: 'not authorized' });
    await expect(reconcile({ settings: { catalogData: texts } })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('public.ecr.aws/acme/m/there'),
    });
  });
});
