import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtureChart, writeFiles } from '../../support/charts.ts';
import { launcher, program } from '../../support/cli.ts';
import { newestAndOldestHelm } from '../../support/helm.ts';
import { fakeKubectl, KUBECTL, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { type PageBlock, type PageStep, pageBlocks, runPage } from '../../support/page.ts';
import {
  certManager,
  certManagerImages,
  ebsDriver,
  FLUENT_BIT_IMAGES,
  fluentBit,
  ollama,
  prometheusStack,
  web,
} from '../../support/page-charts.ts';
import { type PageScene, packageChart, startScene } from '../../support/page-scene.ts';
import { podList, podObject, running, waiting } from '../../support/pods.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** The commands of the pages about overrides and `check`. */

const SITE = 'hotReload: {enabled: true}\n';
const FLUENT_BIT = 'fluent-bit-0.58.1.tgz';
let scene: PageScene;
/** Bundles of fluent-bit with its default values, and with those of the site. */
let [plain, site] = ['', ''];
let certManagerBundle = '';

beforeAll(async () => {
  scene = await startScene({
    images: [
      ...['v1.17.2', 'v1.21.1'].flatMap(certManagerImages),
      ...FLUENT_BIT_IMAGES,
      'docker.io/library/nginx:1.27',
      'docker.io/library/busybox:1.36',
      'quay.io/acme/exporter:v2.1.0',
    ],
    targets: ['registry.internal.example', 'registry.example', 'us.icr.io'],
  });
  const charts = [
    certManager('v1.17.2'),
    certManager('v1.21.1'),
    fluentBit(),
    ollama(),
    prometheusStack(),
    ebsDriver(),
  ];
  for (const chart of charts) await packageChart(chart, scene.charts);
  const folder = scratchFolder();
  [plain, site, certManagerBundle] = ['plain', 'site', 'cert-manager'].map((name) => join(folder, `${name}.tar`)) as [
    string,
    string,
    string,
  ];
  writeFileSync(join(folder, 'site.yaml'), SITE);
  const chart = join(scene.charts, FLUENT_BIT);
  await scene.airgap(folder, 'bundle', chart, '--out', plain);
  await scene.airgap(folder, 'bundle', chart, '-f', 'site.yaml', '--out', site);
  await scene.airgap(folder, 'bundle', join(scene.charts, 'cert-manager-v1.17.2.tgz'), '--out', certManagerBundle);
});
afterAll(() => scene.stop());

test('docs/values.md', async () => {
  const reader = scene.reader();
  const file = (name: string): string => join(reader.cwd, name);
  await writeFiles(file('web'), web());
  writeFileSync(file('site.yaml'), 'logLevel: 2\n');
  cpSync(certManagerBundle, file('platform.tar'));
  await scene.airgap(reader.cwd, 'push', 'platform.tar', '--to', 'registry.example/mirrored');
  const kubectl = fakeKubectl({ code: 1 }, { 'patch serviceaccount default': { stdout: 'patched\n' } });
  const before = ({ text }: PageStep): void => {
    if (text.includes('values fluent-bit')) cpSync(site, file('platform.tar'));
    if (text.includes('values cert-manager --bundle')) cpSync(certManagerBundle, file('platform.tar'));
    if (text.includes('./web'))
      writeFileSync(file('site.yaml'), 'extra: [{name: b, image: "quay.io/team/b:1", env: [{name: P, value: s}]}]\n');
  };
  const env = { ...reader.env, PATH: kubectl.env.PATH ?? '' };
  await runPage('docs/values.md', { ...reader, env, rendersInstalls: true, before });
});

/** Blocks about signatures, which need signed images. */
const isPolicies = ({ heading }: PageBlock): boolean => heading === 'kyverno and policy-controller';

test('docs/formats.md', async ({ skip }) => {
  if (KUBECTL === undefined) return skip(WITHOUT_KUBECTL);
  const reader = scene.reader();
  const file = (name: string): string => join(reader.cwd, name);
  cpSync(fixtureChart('shop'), file('fixtures/charts/shop'), { recursive: true });
  cpSync(site, file('platform.tar'));
  const application = { repoURL: 'https://charts.example', chart: 'shop', targetRevision: '1.4.0' };
  const manifest = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', spec: { source: application } };
  writeFileSync(file('app.yaml'), JSON.stringify(manifest));
  for (const { mark, text } of pageBlocks('docs/guides/kustomize.md'))
    if (/^file=kustomize\/(?:web|db)\//.test(mark)) await writeFiles(reader.cwd, { [mark.replace('file=', '')]: text });
  mkdirSync(file('nodes'));
  const programs = scratchFolder();
  writeFileSync(join(programs, 'kubectl'), `#!/bin/sh\nexec '${KUBECTL}' "$@"\n`, { mode: 0o755 });
  writeFileSync(join(programs, 'oc'), `#!/bin/sh\ntest "$*" = 'apply -f -' && cat > applied.yaml\n`, { mode: 0o755 });
  await runPage('docs/formats.md', {
    ...reader,
    env: { ...reader.env, PATH: programs },
    replace: { '/var/lib/rancher/k3s/agent/images/': 'nodes/' },
    leaveOut: isPolicies,
  });
  expect(readFileSync(file('applied.yaml'), 'utf8')).toContain('kind: ImageTagMirrorSet');
});

test('docs/check.md', async ({ skip }) => {
  if (KUBECTL === undefined) return skip(WITHOUT_KUBECTL);
  const reader = scene.reader();
  const file = (name: string): string => join(reader.cwd, name);
  cpSync(plain, file('platform.tar'));
  writeFileSync(file('site.yaml'), SITE);
  for (const to of ['registry.internal.example/mirrored', 'us.icr.io/team'])
    await scene.airgap(reader.cwd, 'push', 'platform.tar', '--to', to);
  const images = ['docker.io/library/busybox:1.36', 'quay.io/acme/exporter:v2.1.0'];
  await scene.airgap(
    reader.cwd,
    ...['mirror', ...images.flatMap((image) => ['--image', image]), '--to', 'us.icr.io/team', '--naming', 'name'],
  );
  const pod = (image: string) => `{name: x, image: "${image}"}`;
  await writeFiles(file('kustomize/web'), {
    'kustomization.yaml': 'resources: [deployment.yaml]\n',
    'deployment.yaml': `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, image: "nginx:1.27"}, ${['us.icr.io/team/busybox:1.36', 'us.icr.io/team/exporter:v2.1.0'].map(pod).join(', ')}]}}}\n`,
  });
  const private_ = 'registry.internal.example/mirrored/cr.fluentbit.io/fluent/fluent-bit:5.1.1';
  const container = (image: string, state: ReturnType<typeof waiting>) => ({ image, state });
  const pods = [
    podObject('web-7c9f4', {
      namespace: 'logging',
      containers: { web: container('docker.io/library/busybox:1.36.1', waiting('ImagePullBackOff')) },
    }),
    podObject('kube-proxy-5v8jd', {
      namespace: 'kube-system',
      containers: { 'kube-proxy': container('registry.k8s.io/kube-proxy:v1.33.0', running) },
    }),
    podObject('fluent-bit-x', { namespace: 'logging', containers: { 'fluent-bit': container(private_, running) } }),
  ];
  writeFileSync(file('pods.json'), podList(pods));
  const auths = { 'registry.internal.example': { auth: Buffer.from('a:b').toString('base64') } };
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  const secret = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson', data };
  const kubectl = fakeKubectl({ code: 1 }, { 'get secret regcred': { stdout: JSON.stringify(secret) } });
  const programs = kubectl.env.PATH?.split(':')[0] ?? '';
  renameSync(join(programs, 'kubectl'), join(programs, 'secrets'));
  const dispatch = `#!/bin/sh\n[ "$1" = kustomize ] && exec '${KUBECTL}' "$@"\nexec '${programs}/secrets' "$@"\n`;
  writeFileSync(join(programs, 'kubectl'), dispatch, { mode: 0o755 });
  await runPage('docs/check.md', { ...reader, env: { ...reader.env, PATH: programs } });
});

test('docs/naming.md', async () => {
  const reader = scene.reader();
  cpSync(certManagerBundle, join(reader.cwd, 'platform.tar'));
  await runPage('docs/naming.md', reader);
});

test('docs/post-render.md, with Helm 4 and 3', async ({ skip }) => {
  const [helm3, helm4] = newestAndOldestHelm().map(({ path }) => path);
  if (helm3 === undefined || helm4 === undefined) return skip('Helm 3 or 4 is missing; run scripts/setup --tests');
  const reader = scene.reader();
  cpSync(fixtureChart('fixed'), join(reader.cwd, 'fixed'), { recursive: true });
  writeFileSync(join(reader.cwd, 'site.yaml'), '{}\n');
  const root = join(launcher, '../..');
  const isForHelm3 = ({ heading }: PageBlock): boolean => heading === 'Install with Helm 3';
  const page = { ...reader, rendersInstalls: true } as const;
  await program(helm4, ['plugin', 'install', root], reader.home);
  await runPage('docs/post-render.md', { ...page, helm: helm4, leaveOut: isForHelm3 });
  // Another host: Helm 3 refuses the plugin that Helm 4 has installed as post-renderer.
  const home = scratchFolder();
  await program(helm3, ['plugin', 'install', root], home);
  await runPage('docs/post-render.md', { ...page, home, helm: helm3, leaveOut: (block) => !isForHelm3(block) });
});
