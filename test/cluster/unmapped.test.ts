import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chartYaml, realChart, writeFiles } from '../support/charts.ts';
import type { Cluster, Finished } from '../support/cluster/cluster.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import {
  createNamespace,
  type InsideHelm,
  insideHelm,
  installInside,
  PULL_SECRET,
  pushInside,
  type Site,
  uninstallInside,
  valuesInside,
} from '../support/cluster/journey/inside.ts';
import { bundleOutside } from '../support/cluster/journey/outside.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { type Settled, settle } from '../support/cluster/judges/settle.ts';
import { createHeldNamespace, imagesOf } from '../support/cluster/node/hold.ts';
import { newestAndOldestHelm } from '../support/helm.ts';
import { scratchFolder } from '../support/scratch.ts';

/**
 * Charts with images that no value redirects. Before: real Pods, which never start, name just those that `values` lists. After,
 * with the post-renderer or the changed chart: everything is pulled from the target with the pull secret.
 */

const cluster: Cluster = sharedCluster();
const folder = scratchFolder();
const file = join(folder, 'fixed.tar');
const target = `${cluster.registry}/mirrored`;
const VERSIONS = newestAndOldestHelm();
const helms = new Map<string, InsideHelm>();

/** Images in the chart's templates; a value has only that of the main container. */
const [IN_PODS, IN_HOOKS] = [
  ['docker.io/acme/wait:1.2.3', 'ghcr.io/acme/proxy:4.0.0', 'quay.io/acme/agent:2.1.0'],
  ['ghcr.io/acme/migrate:2.0.0', 'quay.io/acme/probe:8.10.1'],
];

const TEMPLATES = {
  'templates/app.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      initContainers:
        - {name: wait, image: 'acme/wait:1.2.3', command: [wait]}
      containers:
        - {name: app, image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"}
        - name: proxy
          image: ghcr.io/acme/proxy:4.0.0   # of the platform team
`,
  'templates/agent.yaml': `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: {{ .Release.Name }}-agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
        - name: agent
          image: quay.io/acme/agent:{{ .Chart.AppVersion }}
`,
  'templates/migrate.yaml': `
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - {name: migrate, image: ghcr.io/acme/migrate:2.0.0}
`,
  'templates/test.yaml': `
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
spec:
  restartPolicy: Never
  containers:
    - {name: test, image: quay.io/acme/probe:8.10.1}
`,
};

beforeAll(async () => {
  const chart = await writeFiles(join(folder, 'fixed'), {
    'Chart.yaml': chartYaml('fixed', '1.0.0', 'appVersion: 2.1.0\n'),
    'values.yaml': 'image: {repository: docker.io/acme/app, tag: 3.1.4}\n',
    ...TEMPLATES,
  });
  await bundleOutside([chart], { file });
  for (const { version } of VERSIONS) helms.set(version, await insideHelm(cluster, version));
  await pushInside({ helm: helmOf('4.1.4'), file, chart: 'fixed', version: '1.0.0', namespace: 'none' });
});

afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

describe.concurrent.each(VERSIONS)('with Helm $version', ({ version }) => {
  const isHelm4 = version.startsWith('4.');
  const name = `unmapped-${version.replaceAll('.', '-')}`;
  const siteOf = (suffix: string): Site => {
    return { helm: helmOf(version), file, chart: 'fixed', version: '1.0.0', namespace: `${name}-${suffix}` };
  };

  /** Writes overrides. @returns what `values` says: references that stay public, by its own account */
  async function overridesOf(
    site: Site,
    ...flags: readonly string[]
  ): Promise<{ code: number; unmapped: string[]; overrides: string }> {
    const run = await valuesInside(site, ['--pull-secret', PULL_SECRET, '-o', 'json', ...flags]);
    expect([0, 3], run.stderr).toContain(run.code);
    const { residue } = JSON.parse(run.stdout).proof as { residue: { reference: string }[] };
    return { ...run, unmapped: residue.map(({ reference }) => reference).sort() };
  }

  /** Runs the install's tests as well. */
  async function settledWithTests(site: Site): Promise<Settled> {
    const { stdout, stderr, code } = await site.helm.run([
      'test',
      site.chart,
      '-n',
      site.namespace,
      '--timeout',
      '60s',
    ]);
    expect(code, `${stdout}${stderr}`).toBe(0);
    return settle(cluster, { namespaces: [site.namespace] });
  }

  function expectPrivate({ containers, publicImages }: Settled, images: readonly string[]): void {
    expect(publicImages).toEqual([]);
    expect(containers.filter(({ state }) => state !== 'pulled')).toEqual([]);
    const pulled = new Set(containers.map(({ image }) => image.replace(`${target}/`, '')));
    expect([...pulled].sort()).toEqual([...images, 'docker.io/acme/app:3.1.4'].sort());
  }

  test('values alone: the Pods name the public images that it lists', async ({ expect }) => {
    const site = siteOf('before');
    const { code, unmapped, overrides } = await overridesOf(site);
    expect(code).toBe(3);
    expect(unmapped).toEqual([...IN_PODS, ...IN_HOOKS].sort());
    await createHeldNamespace(cluster, site.namespace);
    expect(await installInside(site, overrides, ['--no-hooks'])).toMatchObject({ code: 0 });
    await expect.poll(() => publicImagesOf(site), { timeout: 20_000 }).toEqual(IN_PODS);
    await runHooks(site);
    await expect.poll(() => publicImagesOf(site), { timeout: 20_000 }).toEqual(unmapped);
    await uninstallInside(site);
  });

  test('--unmapped=post-render: everything that Helm passes to it is pulled from the target', async () => {
    const site = siteOf('post-render');
    const { code, unmapped, overrides } = await overridesOf(site, '--unmapped=post-render');
    expect([code, unmapped]).toEqual(isHelm4 ? [0, []] : [3, IN_HOOKS]);
    const map = overrides.replace(/\.yaml$/, '.post-render.json');
    const through = ['--post-renderer', await rendererOf(version), '--post-renderer-args', `--map=${map}`];
    await createNamespace(cluster, site.namespace);
    const installed = await installInside(site, overrides, [...through, ...(isHelm4 ? [] : ['--no-hooks'])]);
    expect(installed.code, installed.stderr).toBe(0);
    if (isHelm4) expectPrivate(await settledWithTests(site), [...IN_PODS, ...IN_HOOKS]);
    else expectPrivate(await settle(cluster, { namespaces: [site.namespace] }), IN_PODS);
    await uninstallInside(site);
  });

  test('--unmapped=repack: everything is pulled from the target, hooks and tests too', async () => {
    const site = siteOf('repack');
    const { code, unmapped, overrides } = await overridesOf(site, '--unmapped=repack');
    expect([code, unmapped]).toEqual([0, []]);
    await createNamespace(cluster, site.namespace);
    expect(await installChanged(site, overrides)).toMatchObject({ code: 0 });
    expectPrivate(await settledWithTests(site), [...IN_PODS, ...IN_HOOKS]);
    await uninstallInside(site);
  });

  if (isHelm4) return;
  test('--unmapped=post-render: hooks, which Helm 3 keeps to itself, name the listed images', async ({ expect }) => {
    const site = siteOf('hooks');
    const { overrides, unmapped } = await overridesOf(site, '--unmapped=post-render');
    const map = overrides.replace(/\.yaml$/, '.post-render.json');
    const through = ['--post-renderer', await rendererOf(version), '--post-renderer-args', `--map=${map}`];
    await createHeldNamespace(cluster, site.namespace);
    const installed = await installInside(site, overrides, [...through, '--no-hooks']);
    expect(installed.code, installed.stderr).toBe(0);
    await runHooks(site);
    await expect.poll(() => publicImagesOf(site), { timeout: 20_000 }).toEqual(unmapped);
    // As it recommends: with --no-hooks there is nothing left to list.
    expect(await overridesOf(site, '--unmapped=post-render', '--no-hooks')).toMatchObject({ code: 0, unmapped: [] });
    await uninstallInside(site);
  });
});

/** A real chart, whose test names an image that no value redirects. */
test.concurrent('ollama, changed by --unmapped=repack, is installed and tested with Helm 3', async ({ skip }) => {
  const archive = realChart('ollama-1.77.0.tgz');
  if (archive === undefined) return skip('the chart ollama is not in AIRGAP_CHARTS');
  const site = {
    helm: helmOf('3.17.3'),
    file: join(folder, 'ollama.tar'),
    chart: 'ollama',
    version: '1.77.0',
    namespace: 'ollama',
  };
  await bundleOutside([archive], { file: site.file });
  await pushInside(site);
  const plain = await valuesInside(site);
  expect([plain.code, plain.stderr]).toEqual([3, expect.stringContaining('docker.io/library/busybox:latest')]);
  const { code, overrides } = await valuesInside(site, ['--pull-secret', PULL_SECRET, '--unmapped=repack']);
  expect(code).toBe(0);
  await createNamespace(cluster, site.namespace);
  expect(await installChanged(site, overrides)).toMatchObject({ code: 0 });
  expect(await site.helm.run(['test', site.chart, '-n', site.namespace, '--timeout', '60s'])).toMatchObject({
    code: 0,
  });
  const { containers, publicImages } = await settle(cluster, { namespaces: [site.namespace] });
  expect(publicImages).toEqual([]);
  expect(containers.map(({ image, state }) => [image, state]).sort()).toEqual([
    [`${target}/docker.io/library/busybox`, 'pulled'],
    [`${target}/docker.io/ollama/ollama:0.32.15`, 'pulled'],
  ]);
  await uninstallInside(site);
});

function helmOf(version: string): InsideHelm {
  const helm = helms.get(version);
  if (helm === undefined) throw new Error(`Helm ${version} is not here`);
  return helm;
}

/** Installs the changed chart that `values` wrote next to the overrides. */
function installChanged({ helm, chart, namespace }: Site, overrides: string): Promise<Finished> {
  return helm.run(['install', chart, overrides.replace(/\.yaml$/, '.tgz'), '-n', namespace, '-f', overrides]);
}

/** As docs/post-render.md says. */
async function rendererOf(version: string): Promise<string> {
  if (version.startsWith('4.')) return 'airgap-post-render';
  const plugins = (await helmOf(version).ok(['env', 'HELM_PLUGINS'])).stdout.trim();
  const folders = readdirSync(plugins).map((plugin) => join(plugins, plugin));
  const plugin = folders.find((path) => /^name: airgap$/m.test(readFileSync(join(path, 'plugin.yaml'), 'utf8')));
  return join(String(plugin), 'scripts/airgap-post-render');
}

/** Makes the objects of all hooks of a release, in its namespace. */
async function runHooks({ helm, chart, namespace }: Site): Promise<void> {
  const { stdout } = await helm.ok(['get', 'hooks', chart, '-n', namespace]);
  await cluster.kubectl(['-n', namespace, 'create', '-f', '-'], stdout);
}

/** Full names of the public images that the Pods of a site name, sorted. */
async function publicImagesOf({ namespace }: Site): Promise<string[]> {
  const images = (await imagesOf(cluster, namespace)).filter((image) => !image.startsWith(`${target}/`));
  return images.map((image) => (/^[^/]*[.:]/.test(image) ? image : `docker.io/${image}`)).sort();
}
