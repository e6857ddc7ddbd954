import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chartYaml, writeFiles } from '../support/charts.ts';
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
import { bundleMissingOutside, bundleOutside } from '../support/cluster/journey/outside.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { settle } from '../support/cluster/judges/settle.ts';
import { startFurtherRegistry, trustInside } from '../support/cluster/node/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** What `check` says before an install is what the kubelet says after it, and what `check --live` says then. */

const cluster = sharedCluster();
const home = scratchFolder();
const file = join(home, 'app.tar');
let helm: InsideHelm;

afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

beforeAll(async () => {
  const deployment = (name: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      {{- with .Values.pullSecrets }}
      imagePullSecrets: {{ toYaml . | nindent 6 }}
      {{- end }}
      containers: [{name: main, image: {{ .Values.${name} }}}]
`;
  const chart = await writeFiles(join(home, 'app'), {
    'Chart.yaml': chartYaml('app'),
    'values.yaml': 'web: quay.io/acme/web:1\nworker: quay.io/acme/worker:1\npullSecrets: []\n',
    'templates/web.yaml': deployment('web'),
    'templates/worker.yaml': deployment('worker'),
  });
  helm = await insideHelm(cluster);
  await bundleOutside([chart], { file });
  await bundleOutside([chart], { file: `${file}.arm`, platforms: { 'quay.io/acme/worker': ['linux/arm64'] } });
});

/** What check says of each image that a Pod would not get, by workload, and its document. */
async function checked(site: Site): Promise<{ code: number; failing: object; document: string }> {
  const { chart, version, namespace, to = '' } = site;
  const what = [`${chart}@${version}`, '--bundle', site.file, '--namespace', namespace, '--platform', 'linux/amd64'];
  const login = ['--pull-secret', `${namespace}/${PULL_SECRET}`, '--ca-file', cluster.caFile];
  const args = ['airgap', 'check', ...what, '--to', to, ...login, '-o', 'json'];
  const { code, stdout, stderr } = await helm.run(args);
  if (code !== 0 && code !== 3) throw new Error(`check ended with ${code}: ${stderr}`);
  const images: { status: string; workloads: { name: string }[] }[] = JSON.parse(stdout).images;
  const failing = images.filter(({ status }) => status !== 'ok');
  return {
    code,
    document: stdout,
    failing: Object.fromEntries(
      failing.flatMap(({ status, workloads }) => workloads.map(({ name }) => [name, status])),
    ),
  };
}

/** Removes an image of a target behind the registry's back. */
function withhold(prefix: string): void {
  const repositories = join(cluster.folder, 'state/registry/docker/registry/v2/repositories');
  rmSync(join(repositories, prefix, 'quay.io/acme/worker'), { recursive: true });
}

/** The workloads whose images `check --live` says cannot be pulled, after kubectl's own access. */
async function checkedLive({ to = '' }: Site): Promise<string[]> {
  const { code, stdout, stderr } = await helm.run(['airgap', 'check', '--live', '--to', to, '-o', 'json']);
  if (code !== 0 && code !== 3) throw new Error(`check --live ended with ${code}: ${stderr}`);
  const { problems }: { problems: { reason: string; places: { pod: string }[] }[] } = JSON.parse(stdout);
  const failing = problems.filter(({ reason }) => reason === 'cannot-pull').flatMap(({ places }) => places);
  return failing.map(({ pod }) => workloadOf(pod)).sort();
}

/** Pods of a Deployment are called `DEPLOYMENT-HASH-HASH`. */
function workloadOf(pod: string): string {
  return pod.replace(/^.*\//, '').replace(/-.*/, '');
}

interface Scenario {
  readonly name: string;
  readonly file?: string;
  /** Prepares the target. @returns `HOST/PREFIX` */
  readonly target: (name: string) => Promise<string>;
  readonly password?: string;
  /** What check says, by workload. */
  readonly says: Readonly<Record<string, string>>;
  /** What the kubelet says then. */
  readonly message?: RegExp;
}

const scenarios: readonly Scenario[] = [
  {
    name: 'withheld',
    target: async (name) => {
      const to = `${cluster.registry}/${name}`;
      await pushInside(siteOf(name, to));
      withhold(name);
      return to;
    },
    says: { worker: 'not-pushed' },
    message: /not found/,
  },
  {
    name: 'read-only',
    target: async (name) => {
      await pushInside(siteOf(name, `${cluster.registry}/${name}`));
      const host = await startFurtherRegistry(cluster, { name, port: 5002, isReadOnly: true });
      // Helm pulls the chart with the user's own login, not with the pull secret.
      const { username, password } = cluster.login;
      const login = ['--username', username, '--password', password, '--ca-file', cluster.caFile];
      await helm.ok(['registry', 'login', host, ...login]);
      return `${host}/${name}`;
    },
    says: {},
  },
  {
    name: 'down',
    target: async (name) => {
      await trustInside(cluster, `${name}.airgap.test:5003`);
      return `${name}.airgap.test:5003/${name}`;
    },
    says: { web: 'unreachable', worker: 'unreachable' },
    message: /connection refused/,
  },
  {
    name: 'expired',
    target: async (name) => {
      await pushInside(siteOf(name, `${cluster.registry}/${name}`));
      return `${cluster.registry}/${name}`;
    },
    password: 'expired',
    says: { web: 'no-permission', worker: 'no-permission' },
    message: /401|authorization failed/,
  },
  {
    name: 'wrong-ca',
    target: async (name) => {
      await pushInside(siteOf(name, `${cluster.registry}/${name}`));
      return `${await startFurtherRegistry(cluster, { name, port: 5005, hasForeignCertificate: true })}/${name}`;
    },
    says: { web: 'unknown-authority', worker: 'unknown-authority' },
    message: /x509/,
  },
  {
    name: 'arm',
    file: `${file}.arm`,
    target: async (name) => {
      await pushInside({ ...siteOf(name, `${cluster.registry}/${name}`), file: `${file}.arm` });
      return `${cluster.registry}/${name}`;
    },
    says: { worker: 'wrong-platform' },
    message: /no match for platform/,
  },
];

function siteOf(name: string, to: string): Site {
  return { helm, file, chart: 'app', version: '1.0.0', namespace: `check-${name}`, to };
}

describe.concurrent.each(scenarios)('a target: $name', ({ name, target, says, message, password, ...scenario }) => {
  test('check before the install, the cluster and check after it agree', async ({ expect }) => {
    const to = await target(name);
    const site = { ...siteOf(name, to), file: scenario.file ?? file };
    await createNamespace(cluster, site.namespace, { host: to.split('/')[0], password });
    const before = await checked(site);
    expect([before.code, before.failing]).toEqual([Object.keys(says).length > 0 ? 3 : 0, says]);

    const { code, overrides, stderr } = await valuesInside(site);
    expect(code, stderr).toBe(0);
    expect((await installInside(site, overrides, [], join(home, 'app'))).code).toBe(0);
    const { containers, publicImages } = await settle(cluster, {
      namespaces: [site.namespace],
      prefixes: [`${to}/`],
    });
    expect(publicImages).toEqual([]);
    const failing = containers.filter(({ state }) => state !== 'pulled');
    const names = Object.keys(says).sort();
    expect(failing.map(({ pod }) => workloadOf(pod)).sort()).toEqual(names);
    for (const { state } of failing) expect(state).toBe('cannot-pull');
    const said = await cluster.kubectl(['get', 'events', '-n', site.namespace]);
    if (message !== undefined) expect(said).toMatch(message);
    // Its exit code depends on other releases, whose images are not this target's.
    expect(await checkedLive(site)).toEqual(names);
    await uninstallInside(site);
  });
});

test('what check found missing is bundled outside and pushed: check has nothing to say, and the Pods run', async () => {
  const to = `${cluster.registry}/delta`;
  const site = siteOf('delta', to);
  await pushInside(site);
  withhold('delta');
  await createNamespace(cluster, site.namespace);
  const { code, failing, document } = await checked(site);
  expect([code, failing]).toEqual([3, { worker: 'not-pushed' }]);
  const [list, delta] = [join(home, 'missing.json'), join(home, 'missing.tar')];
  writeFileSync(list, document);
  await bundleMissingOutside(list, delta, ['quay.io/acme/web:1', 'quay.io/acme/worker:1']);
  await pushInside({ ...site, file: delta });
  const after = await checked(site);
  expect([after.code, after.failing]).toEqual([0, {}]);
  const { overrides } = await valuesInside(site);
  await installInside(site, overrides);
  const { containers } = await settle(cluster, { namespaces: [site.namespace] });
  expect(containers.map(({ pod, state }) => [workloadOf(pod), state]).sort()).toEqual([
    ['web', 'pulled'],
    ['worker', 'pulled'],
  ]);
  await uninstallInside(site);
});

test('--test-pod: its Job is complete when one image of each repository was pulled, and runs nothing of them', async () => {
  // Namespaces of this name have no stand-ins.
  const namespace = 'real-pull-test';
  const to = `${cluster.registry}/pull-test`;
  const site = { ...siteOf('pull-test', to), namespace };
  await pushInside(site);
  await createNamespace(cluster, namespace);
  const target = ['--to', to, '--ca-file', cluster.caFile, '--pull-secret', `${namespace}/${PULL_SECRET}`];
  const job = await helm.ok(['airgap', 'check', 'app@1.0.0', '--bundle', file, ...target, '--test-pod']);
  await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], job.stdout);
  await cluster.kubectl(['-n', namespace, 'wait', '--for=condition=complete', 'job', '--all', '--timeout=90s']);
  const pods = await cluster.kubectl(['-n', namespace, 'get', 'pods', '-o', 'json']);
  const checked = await helm.run(['airgap', 'check', '--pods', '-', '--to', to, '-o', 'json'], { input: pods });
  expect([checked.code, JSON.parse(checked.stdout).counts]).toEqual([0, { pods: 1, podsWithProblems: 0, images: 2 }]);

  withhold('pull-test');
  await cluster.kubectl(['delete', '-n', namespace, '-f', '-', '--wait'], job.stdout);
  await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], job.stdout);
  const settled = await settle(cluster, { namespaces: [namespace] });
  expect(settled.containers.map(({ image, state }) => [image.replace(/.*\//, ''), state])).toEqual([
    ['web:1', 'pulled'],
    ['worker:1', 'cannot-pull'],
  ]);
  const left = await cluster.kubectl(['-n', namespace, 'get', 'pods', '-o', 'json']);
  const again = await helm.run(['airgap', 'check', '--pods', '-', '--to', to, '-o', 'json'], { input: left });
  expect([again.code, JSON.parse(again.stdout).problems.map(({ image }: { image: string }) => image)]).toEqual([
    3,
    [`${to}/quay.io/acme/worker:1`],
  ]);
});
