import { generateKeyPairSync } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cosignSignature, tagFor } from '../../support/artifacts.ts';
import { selfSigned } from '../../support/certificate.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { airgapOk } from '../../support/cli.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';
import { startEcrPublic } from '../../support/ecr-public.ts';
import { pushBuilt, pushImage } from '../../support/images.ts';
import { fakeKubectl } from '../../support/kubectl.ts';
import { ADMIN, startMirantis, type TestMirantis } from '../../support/mirantis.ts';
import { type PageBlock, pageBlocks, runPage } from '../../support/page.ts';
import { certManager, certManagerImages } from '../../support/page-charts.ts';
import { type PageScene, packageChart, startScene } from '../../support/page-scene.ts';
import { podList, podObject, running } from '../../support/pods.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** The commands of the pages about registries, with stand-ins for AWS and for Mirantis Secure Registry under their names. */

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const TARGET = 'registry.internal.example';
let scene: PageScene;
let ecr: TestEcr;
let [source, msrContent, newContent]: TestRegistry[] = [];
let [msr, fresh]: TestMirantis[] = [];
/** A bundle of cert-manager, `platform.tar` of several pages. */
let platform: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  [source, msrContent, newContent] = await Promise.all([startRegistry(), startRegistry(), startRegistry()]);
  [msr, fresh] = await Promise.all([msrContent, newContent].map((one) => startMirantis({ content: one?.host ?? '' })));
  ecr = await startEcr();
  const aws = { registry: ecr.host };
  scene = await startScene({
    images: [...certManagerImages('v1.17.2'), 'docker.io/library/busybox:1.36.1', 'docker.io/library/nginx:1.27'],
    targets: [TARGET],
    hosts: {
      'registry.example': { registry: source?.host ?? '' },
      'msr.example': { registry: msr?.host ?? '' },
      'msr-new.example': { registry: fresh?.host ?? '' },
      'new.example': { registry: fresh?.host ?? '' },
      'cache.example': { files: scratchFolder() },
      ...{ [ECR]: aws, 'api.ecr.eu-central-1.amazonaws.com': aws, 'sts.eu-central-1.amazonaws.com': aws },
      'prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com': { files: scratchFolder() },
    },
  });
  const logins = ['MSR_EXAMPLE', 'MSR_NEW_EXAMPLE', 'NEW_EXAMPLE'].flatMap((host) => [
    [`AIRGAP_AUTH_${host}_USERNAME`, ADMIN.name],
    [`AIRGAP_AUTH_${host}_PASSWORD`, ADMIN.password],
  ]);
  const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' };
  env = { ...scene.env, ...Object.fromEntries(logins), ...keys };
  await packageChart(certManager('v1.17.2'), scene.charts);
  platform = join(scratchFolder(), 'platform.tar');
  await scene.airgap(scene.charts, 'bundle', 'cert-manager-v1.17.2.tgz', '--out', platform);
});
afterAll(async () => {
  await scene.stop();
  await Promise.all([source, msrContent, newContent, msr, fresh, ecr].map((one) => one?.stop()));
});

/** Returns a reader with the bundle. */
function reader() {
  const { cwd, home } = scene.reader();
  cpSync(platform, join(cwd, 'platform.tar'));
  return { cwd, home, env };
}

/** Layers of ECR are in its storage, without TLS. */
const reading = (command: string): string[] =>
  ['push', 'values', 'check', 'verify', 'doctor', 'access'].includes(command) ? ['--plain-http', ecr.storage] : [];

test('docs/mirror.md', async () => {
  const { host } = source as TestRegistry;
  for (const tag of ['v1.8.0', 'v1.9.0', 'v1.10.0', 'latest'])
    await pushImage(host, 'team/api', tag, { sharedLayer: 'base' });
  for (const tag of ['v1.0.0', 'v2.0.0']) await pushImage(host, 'team/web', tag);
  const web = await pushImage(host, 'team/web', 'v2.1.0', { sharedLayer: 'base' });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await pushBuilt(host, 'team/web', tagFor(web, 'sig'), cosignSignature(privateKey, 'registry.example/team/web', web));
  for (const [name, tag] of [
    ['team/api', 'v1.0.0'],
    ['team/web', 'v2.0.0'],
  ] as const)
    await pushImage(msrContent?.host ?? '', name, tag);
  msr?.state
    .organization('team')
    .repository('team/api', {
      immutableTags: true,
      shortDescription: 'The API',
      longDescription: '# API',
      visibility: 'public',
    })
    .repository('team/web', { shortDescription: 'Pages' });
  fresh?.state.organization('team');
  const { cwd, home } = reader();
  writeFileSync(join(cwd, 'images.txt'), 'registry.example/team/api:v1.10.0\nregistry.example/team/web:v2.1.0\n');
  const config = pageBlocks('docs/mirror.md').find((block) => block.heading === 'In airgap.yaml')?.text ?? '';
  await writeFiles(join(cwd, 'etc/mirror'), {
    'airgap.yaml': config,
    'charts/shop/Chart.yaml': chartYaml('shop'),
    'charts/shop/templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "docker.io/library/nginx:1.27"}]}\n',
  });
  const replace = { '/run/lock/': '', '/var/log/': '', '/etc/mirror': 'etc/mirror' };
  await runPage('docs/mirror.md', { cwd, home, env: { ...env, READER_TOKEN: 'secret' }, replace });
});

test('docs/mirror-sharding.md', async () => {
  const { cwd, home } = reader();
  await pushImage((source as TestRegistry).host, 'team/api', 'v1');
  // AWS' own command line would ask AWS.
  const programs = scratchFolder();
  writeFileSync(join(programs, 'aws'), '#!/bin/sh\n[ "$1" = batch ]\n', { mode: 0o755 });
  await runPage('docs/mirror-sharding.md', { cwd, home, env: { ...env, PATH: programs } });
});

test('docs/prune.md', async () => {
  const { cwd, home } = reader();
  const to = `${TARGET}/mirrored`;
  for (const version of ['1', '2']) {
    const image = `quay.io/team/app:${version}`;
    await fillUpstream(scene.upstream.host, [image]);
    const chart = await writeFiles(join(cwd, `platform-${version}`), {
      'Chart.yaml': chartYaml('platform', `${version}.0.0`),
      'templates/pod.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "${image}"}]}\n`,
    });
    await scene.airgap(cwd, 'bundle', chart, '--out', `platform-${version}.tar`);
    const receipt = version === '1' ? ['--receipt', 'receipt.json'] : [];
    await scene.airgap(cwd, 'push', `platform-${version}.tar`, '--to', to, ...receipt);
  }
  await scene.airgap(cwd, 'images', 'platform-2', '--lock', 'airgap.lock');
  const image = `${to}/quay.io/team/app:2`;
  const kubectl = fakeKubectl({
    stdout: podList([podObject('web', { containers: { web: { image, state: running } } })]),
  });
  writeFileSync(join(cwd, 'repositories.txt'), 'mirrored/quay.io/team/app\nmirrored/charts/platform\n');
  await runPage('docs/prune.md', { cwd, home, env: { ...env, PATH: kubectl.env.PATH ?? '' } });
});

test('docs/doctor.md', async () => {
  const { cwd, home } = reader();
  writeFileSync(join(cwd, 'site-ca.pem'), scene.named.authority);
  await writeFiles(join(home, '.aws'), {
    credentials: '[site]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = example\n',
  });
  await runPage('docs/doctor.md', { cwd, home, env });
});

test('docs/environment.md', async () => {
  const { cwd, home } = reader();
  writeFileSync(join(cwd, 'ca.pem'), scene.named.authority);
  const { cert, key } = selfSigned();
  await writeFiles(cwd, { 'client.pem': cert, 'client.key': key });
  await runPage('docs/environment.md', { cwd, home, env });
});

test('docs/registries.md', async () => {
  const { cwd, home } = reader();
  writeFileSync(join(cwd, 'token'), 'secret\n');
  await writeFiles(join(cwd, 'app'), {
    'Chart.yaml': chartYaml('app'),
    'templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "nginx:1.27"}]}\n',
  });
  await runPage('docs/registries.md', { cwd, home, env });
});

test('docs/login.md', async () => {
  const { cwd, home } = reader();
  await writeFiles(cwd, { token: 'secret\n', 'migration.env': 'QUAY_TOKEN=secret\n' });
  const kubectl = fakeKubectl({ code: 1 }, { 'apply --namespace apps -f -': { stdout: 'created\n' } });
  const toEcr = ['--to', `${ECR}/mirrored`, '--plain-http', ecr.storage];
  await airgapOk(['push', 'platform.tar', ...toEcr], home, { cwd, env });
  await runPage('docs/login.md', { cwd, home, env: { ...env, PATH: kubectl.env.PATH ?? '' }, flags: reading });
});

/** Blocks with another account, in a region of its own. */
const isPublic = ({ heading }: PageBlock): boolean => heading === 'ECR Public';

test('docs/aws.md', async () => {
  const one = reader();
  await runPage('docs/aws.md', { ...one, flags: reading, rendersInstalls: true, leaveOut: isPublic });
  expect([...ecr.repositories.keys()].filter((name) => name.startsWith('staging/'))).toEqual([]);

  const ecrPublic = await startEcrPublic({ aliases: ['a1b2c3d4'] });
  const catalog = pageBlocks('docs/aws.md').find(({ text }) => text.includes('"operatingSystems"'))?.text ?? '';
  writeFileSync(join(one.cwd, 'catalog.json'), catalog);
  const plain = ['--plain-http', 'public.ecr.aws', '--plain-http', ecrPublic.storage];
  await runPage('docs/aws.md', {
    ...one,
    env: ecrPublic.env,
    flags: (command) => (command === 'push' ? plain : []),
    leaveOut: (block) => !isPublic(block),
  });
  await ecrPublic.stop();
});

test('docs/access.md', async () => {
  const { cwd, home } = reader();
  for (const state of [msr?.state, fresh?.state]) {
    state?.accounts.clear();
    state?.organizations.clear();
    state?.repositories.clear();
    state?.user(ADMIN.name, { isAdmin: true, password: ADMIN.password });
  }
  msr?.state
    .user('ann', { fullName: 'Ann Smith' })
    .user('bob', { fullName: 'Bob Jones' })
    .organization('shop', ['*ann', 'bob'], 'The shop')
    .team('shop', 'developers', ['*ann'], { description: 'Builds the shop' })
    .team('shop', 'operators', ['bob'], { isSynced: true })
    .repository('shop/web', { immutableTags: true, shortDescription: 'Front end' }, { developers: 'read-write' });
  msr?.state.organizations.get('shop')?.access.set('operators', 'read-only');
  fresh?.state
    .user('bob', { fullName: 'Bob Jones' })
    .user('eve')
    .organization('shop', ['bob', 'eve'], 'The shop')
    .team('shop', 'developers', [], { description: 'Builds the shop' })
    .team('shop', 'operators', [], { isSynced: true })
    .repository('shop/web', { shortDescription: 'Front end' }, { developers: 'admin' });
  fresh?.state.organizations.get('shop')?.access.set('operators', 'read-only');
  ecr.createRepository('mirrored/msr.example/shop/web');
  const map = pageBlocks('docs/access.md').find(({ text }) => text.includes('kind: PrincipalMap'))?.text ?? '';
  writeFileSync(join(cwd, 'principals.yaml'), map);
  // AWS' own command line would ask AWS.
  const programs = scratchFolder();
  writeFileSync(join(programs, 'aws'), `#!/bin/sh\nprintf '%s\\n' "$*" >>'${programs}/calls'\n`, { mode: 0o755 });
  await runPage('docs/access.md', { cwd, home, env: { ...env, PATH: programs } });
  const calls = readFileSync(join(programs, 'calls'), 'utf8').trim().split('\n');
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatch(
    /^ecr set-repository-policy --repository-name mirrored\/msr\.example\/shop\/web --policy-text \{/,
  );
});
