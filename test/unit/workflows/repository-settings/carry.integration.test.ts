import { expect, onTestFinished, test, vi } from 'vitest';
import type { AirgapError } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { EcrOptions } from '../../../../src/ecr/options.ts';
import { targetRepositories } from '../../../../src/ecr/target-repositories.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import type { Context } from '../../../../src/session/context.ts';
import {
  type CarryOptions,
  readSourceSettings,
  SettingsCarrier,
} from '../../../../src/workflows/repository-settings/index.ts';
import { awsEnvironment, declaring, operations } from '../../../support/ecr/access.ts';
import { startEcr, type TestEcr } from '../../../support/ecr.ts';
import { ecrPublicForTest } from '../../../support/ecr-public.ts';
import { mirantisForTest } from '../../../support/mirantis.ts';

/** Carries settings between stand-ins for the APIs, from `HOST/PATH` to `HOST/PATH`. */
async function carry(
  ecr: EcrOptions,
  pairs: Readonly<Record<string, string>>,
  { env = {}, created = [], ...more }: Partial<CarryOptions> & { env?: object; created?: readonly string[] } = {},
) {
  const events: AirgapEvent[] = [];
  const context = { env, cwd: '/', emit: (event: AirgapEvent) => void events.push(event) } as unknown as Context;
  const repositoryOf = (name: string) => {
    const { registry, path } = parseReference(`${name}:1`);
    return { registry, path };
  };
  const sources = Object.keys(pairs).map(repositoryOf);
  const targets = Object.values(pairs).map(repositoryOf);
  const hosts = [...sources, ...targets].map(({ registry }) => registry);
  const access = { ecr, access: { mirrors: [], plainHttp: hosts, named: hosts } };
  const read = await readSourceSettings(context, { ...access, hasMirrors: () => false }, sources);
  const destinations = new Map(targets.map(({ path }, index) => [path, sources.slice(index, index + 1)]));
  const options = { allowsPublic: false, creates: true, reconciles: false, given: {}, ...more };
  const host = targets[0]?.registry ?? '';
  const carrier = await SettingsCarrier.plan(context, access, host, { sources: read, destinations }, options);
  onTestFinished(() => carrier.close());
  await carrier.before();
  const { report, failure } = await carrier.after(created);
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { creation: carrier.creation, planned: carrier.planned(), report, failure, warnings };
}

async function ecrForTest(): Promise<TestEcr> {
  awsEnvironment();
  const ecr = await startEcr();
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await ecr.stop();
  });
  return ecr;
}

const IMMUTABLE = {
  imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
  imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'dev-*' }],
};

test('in ECR: new repositories by the push, existing ones after it and with --reconcile', async () => {
  const ecr = await ecrForTest();
  ecr.createRepository('from/app', IMMUTABLE);
  ecr.createRepository('from/tool', { imageTagMutability: 'IMMUTABLE' });
  ecr.createRepository('to/tool');
  const pairs = { [`${ecr.host}/from/app`]: `${ecr.host}/to/app`, [`${ecr.host}/from/tool`]: `${ecr.host}/to/tool` };
  const kept = await carry(declaring(ecr), pairs);
  expect(kept.creation).toEqual(new Map([['to/app', { immutable: true, except: ['dev-*'] }]]));
  const repositories = targetRepositories(ecr.host, declaring(ecr));
  await repositories?.ensure(['to/app'], { settings: { scanOnPush: true }, creation: kept.creation, reconcile: false });
  expect(ecr.repositories.get('to/app')?.settings).toMatchObject({ ...IMMUTABLE, imageScanningConfiguration: {} });
  // As if a creation template had created it.
  expect(kept.report.carried).toEqual([]);
  expect(kept.report.left.map(({ reason, repositories }) => [reason, repositories])).toEqual([
    ['exists', ['to/tool']],
    ['template', ['to/app']],
  ]);
  const changed = await carry(declaring(ecr), pairs, { reconciles: true });
  expect(changed.report.carried.map(({ repository }) => repository)).toEqual(['to/tool']);
  expect(operations(ecr).filter((name) => name.startsWith('Put'))).toEqual(['PutImageTagMutability']);
  expect(ecr.repositories.get('to/tool')?.settings).toMatchObject({ imageTagMutability: 'IMMUTABLE' });
  const before = operations(ecr).length;
  expect((await carry(declaring(ecr), pairs, { reconciles: true })).report).toMatchObject({ carried: [], left: [] });
  expect(new Set(operations(ecr).slice(before))).toEqual(new Set(['DescribeRepositories']));
});

test('texts of Mirantis Secure Registry become catalog data of ECR Public, unless they are private', async () => {
  const ecr = await ecrPublicForTest({ repositories: ['app', 'web'] });
  const mirantis = await mirantisForTest();
  const texts = { shortDescription: 'The API', longDescription: '# API' };
  mirantis.state.organization('team').repository('team/app', { visibility: 'public', ...texts });
  mirantis.state.repository('team/web', texts);
  const aws = { env: ecr.env };
  const pairs = { [`${mirantis.host}/team/app`]: 'public.ecr.aws/acme/app' };
  const both = { ...pairs, [`${mirantis.host}/team/web`]: 'public.ecr.aws/acme/web' };
  const options = { env: mirantis.env, reconciles: true };
  await expect(carry(aws, both, options)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('acme/web'),
  });
  const { report } = await carry(aws, pairs, options);
  expect(report.carried).toHaveLength(2);
  expect(ecr.repositories.get('acme/app')?.settings).toMatchObject({
    catalogData: { description: 'The API', aboutText: '# API' },
  });
  expect((await carry(aws, pairs, options)).report.carried).toEqual([]);
  // And back: what is public becomes private.
  const back = { 'public.ecr.aws/acme/app': `${mirantis.host}/team/copy` };
  expect((await carry(aws, back, options)).report.left).toEqual([
    { setting: 'visibility', reason: 'widens', repositories: ['team/copy'] },
  ]);
  expect(mirantis.state.repositories.get('team/copy')).toMatchObject({ visibility: 'private', ...texts });
});

test.each([
  ['a missing page', { status: 404, json: '404 page not found' }],
  ['a web page', { status: 200, json: '<!DOCTYPE html><html><body>Log in</body></html>' }],
  ['another API', { status: 200, json: { repositories: [{ id: 1 }] } }],
])('one warning for a source that refuses, and one for %s; the rest is carried', async (_, answer) => {
  const [mirantis, target, other] = await Promise.all([mirantisForTest(), mirantisForTest(), mirantisForTest()]);
  other.answer(/./, answer);
  for (const name of ['a', 'b', 'c'])
    mirantis.state.organization('team').repository(`team/${name}`, { immutableTags: true });
  target.state.organization('team');
  mirantis.refuse(/\/team\/[ab]$/, 403, 'NOT_AUTHORIZED');
  const to = (name: string): string => `${target.host}/team/${name}`;
  const pairs = Object.fromEntries(['a', 'b', 'c'].map((name) => [`${mirantis.host}/team/${name}`, to(name)]));
  const env = { ...mirantis.env, ...target.env, ...other.env };
  // The flag of the setting is for ECR.
  const options = { env, given: { immutable: true } };
  const run = await carry({ env }, { ...pairs, [`${other.host}/team/d`]: to('d') }, options);
  expect(run.warnings).toHaveLength(2);
  expect(target.writes()).toEqual(['POST /api/v0/repositories/team']);
  expect(target.state.repositories.get('team/c')).toMatchObject({ immutableTags: true, visibility: 'private' });
});

test('a target that refuses to hide a repository gets nothing; one that refuses immutability is a failure at the end', async () => {
  const [source, target] = await Promise.all([mirantisForTest(), mirantisForTest()]);
  source.state.organization('team').repository('team/a', { immutableTags: true }).repository('team/b');
  target.state.organization('team').repository('team/a').repository('team/b', { visibility: 'public' });
  const pairOf = (name: string) => ({ [`${source.host}/team/${name}`]: `${target.host}/team/${name}` });
  target.refuse(/^PATCH/, 403, 'NOT_AUTHORIZED');
  const options = { env: { ...source.env, ...target.env } };
  await expect(carry({ env: {} }, pairOf('b'), options)).rejects.toMatchObject({ code: 'forbidden' });
  const { failure, report } = await carry({ env: {} }, pairOf('a'), options);
  expect([(failure as AirgapError).code, report.carried]).toEqual(['forbidden', []]);
});

test('what is private does not go where the target hides whether it is public', async () => {
  const [source, target] = [await mirantisForTest(), await mirantisForTest()];
  source.state.organization('team').repository('team/web').repository('team/open', { visibility: 'public' });
  target.state.organization('team').repository('team/web', { visibility: 'public' });
  target.refuse(/\/repositories\/team\//, 403, 'NOT_AUTHORIZED');
  const aws = { env: {} };
  const pairOf = (path: string) => ({ [`${source.host}/${path}`]: `${target.host}/${path}` });
  const env = { ...source.env, ...target.env };
  await expect(carry(aws, pairOf('team/web'), { env })).rejects.toMatchObject({ code: 'forbidden' });
  expect((await carry(aws, pairOf('team/open'), { env })).warnings).toHaveLength(1);
  expect((await carry(aws, pairOf('team/web'), { env, allowsPublic: true })).warnings).toHaveLength(1);
  expect(target.writes()).toEqual([]);
});
