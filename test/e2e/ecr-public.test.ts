import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChartUpstream, startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { startEcrPublic, type TestEcrPublic } from '../support/ecr-public.ts';
import { scratchFolder } from '../support/scratch.ts';

/** The steps of docs/aws.md, "ECR Public". */
const section =
  readFileSync(join(import.meta.dirname, '../../docs/aws.md'), 'utf8').split('\n## ECR Public\n')[1] ?? '';
const blockOf = (language: string): string =>
  (new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? '').replace(/^ {3}/gm, '');
const commands = [...blockOf('console').matchAll(/^\$ helm airgap (.*)$/gm)].map(([, line = '']) => line);
const [, target = ''] = /^\$ export TO=(\S+)$/m.exec(blockOf('console')) ?? [];
const [, alias = '', prefix = ''] = target.split('/');

let home: string;
let ecr: TestEcrPublic;
let upstream: ChartUpstream;
beforeEach(async () => {
  home = scratchFolder();
  upstream = await startUpstreamOf(fixtureChart('shop'), home);
  ecr = await startEcrPublic({ aliases: ['acme-images', alias], repositories: [`${prefix}/charts/shop`] });
});
afterEach(async () => {
  await upstream.stop();
  await ecr.stop();
});

const bundle = (): Promise<unknown> =>
  airgapOk(['bundle', fixtureChart('shop'), ...upstream.mirror, '--out', join(home, 'platform.tar')], home);

const plain = (): string[] => ['public.ecr.aws', ecr.storage].flatMap((host) => ['--plain-http', host]);
const writes = (since = 0): string[] =>
  ecr.requests
    .slice(since)
    .flatMap(({ request }) => (/^(?:PUT|POST) |^(?:Create|Put|Set|Tag)/.test(request) ? request : []));

test('into ECR Public: the commands of the manual', async () => {
  expect(commands).toHaveLength(3);
  await bundle();
  writeFileSync(join(home, 'catalog.json'), blockOf('json'));
  const catalogData = JSON.parse(blockOf('json'));
  const run = async (line: string) => {
    const args = line.replace('$TO', target).split(' ');
    const { stdout, stderr } = await airgapOk([...args, ...plain(), '-o', 'json'], home, { cwd: home, env: ecr.env });
    expect(stdout + stderr).not.toContain('wJalrXUtnFEMI');
    return JSON.parse(stdout);
  };
  const [dryRun = '', push = '', reconcile = ''] = commands;

  const plan = await run(dryRun);
  expect(plan.repositories.existing).toEqual([`${alias}/${prefix}/charts/shop`]);
  expect(writes()).toEqual([]);

  const pushed = await run(push);
  expect([...pushed.created].sort()).toEqual([...plan.repositories.missing].sort());
  expect(new Set(pushed.images.map(({ digest }: { digest: string }) => digest))).toEqual(
    new Set(upstream.digests.values()),
  );
  const created = [...ecr.repositories].filter(([path]) => !path.endsWith('/charts/shop'));
  for (const [path, { settings, tags }] of created) {
    expect(settings, path).toEqual({ catalogData, tags: [{ Key: 'team', Value: 'platform' }] });
    expect(tags.size, path).toBeGreaterThan(0);
  }
  expect(ecr.operations().filter((what) => what === 'GetAuthorizationToken')).toHaveLength(2);

  const before = ecr.requests.length;
  const reconciled = await run(reconcile);
  expect(reconciled).toMatchObject({ bytes: 0, created: [] });
  expect(reconciled.reconciled).toEqual([{ name: `${alias}/${prefix}/charts/shop`, changes: ['catalog'] }]);
  expect(writes(before)).toEqual(['PutRepositoryCatalogData']);
  expect((await run(push)).bytes).toBe(0);
});

test('into ECR Public: what stops a push, and definitions of missing repositories', async () => {
  await bundle();
  const push = (to: string, ...args: string[]) =>
    airgap(['push', 'platform.tar', '--to', to, ...plain(), ...args], home, { cwd: home, env: ecr.env });

  for (const to of ['public.ecr.aws', 'public.ecr.aws/another/m']) {
    const refused = await push(to);
    expect(refused, to).toMatchObject({ code: 2, stderr: expect.stringContaining('acme-images (primary)') });
  }
  const withKey = await push(target, '--create-repositories=never', '--kms-key', 'alias/own');
  expect(withKey.code).toBe(1);
  expect(withKey.stderr).toMatch(/--kms-key.*public\.ecr\.aws/);
  expect(withKey.stderr).toContain(`${alias}/${prefix}/`);

  const terraform = await push(target, '--create-repositories=never', '-o', 'terraform');
  expect(terraform).toMatchObject({ code: 0, stdout: expect.stringContaining('resource "aws_ecrpublic_repository"') });
  const stack = JSON.parse((await push(target, '--create-repositories=never', '-o', 'cloudformation')).stdout);
  const names = Object.values<{ Properties: { RepositoryName: string } }>(stack.Resources).map(
    ({ Properties }) => Properties.RepositoryName,
  );
  expect(names.every((name) => name.startsWith(`${prefix}/`) && terraform.stdout.includes(`"${name}"`))).toBe(true);
  expect(names).not.toContain(`${prefix}/charts/shop`);
  expect(writes()).toEqual([]);
});

test('from registries into ECR Public, without a bundle', async () => {
  const images = upstream.references.slice(0, 3).flatMap((reference) => ['--image', reference]);
  const flags = ['--repository-tag', 'team=platform', '-o', 'json'];
  const mirror = async () => {
    const args = ['mirror', ...images, ...upstream.mirror, ...plain(), '--to', target, ...flags];
    return JSON.parse((await airgapOk(args, home, { cwd: home, env: ecr.env })).stdout);
  };
  expect((await mirror()).created).toHaveLength(3);
  expect([...ecr.repositories.values()].filter(({ tags }) => tags.size === 1)).toHaveLength(3);
  const before = ecr.requests.length;
  expect(await mirror()).toMatchObject({ bytes: 0, created: [] });
  expect(writes(before)).toEqual([]);
});
