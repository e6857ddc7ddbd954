import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { authority } from '../../support/certificate.ts';
import { fixtureChart, writeFiles } from '../../support/charts.ts';
import { helmUnderTest, program } from '../../support/cli.ts';
import { pushImage } from '../../support/images.ts';
import { fakeKubectl, KUBECTL, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { fillShop, startOpenShift } from '../../support/openshift/cluster.ts';
import { runPage } from '../../support/page.ts';
import { argoWorkflows, certManager, certManagerImages, grafana, web } from '../../support/page-charts.ts';
import { type PageScene, packageChart, repositoryOf, startScene } from '../../support/page-scene.ts';
import { podList, podObject, running } from '../../support/pods.ts';
import { goProgram } from '../../support/program.ts';
import { startReleaseServer } from '../../support/release-server.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarOf } from '../../support/tar.ts';

/** The commands of the pages about finding images, and of those about airgap.yaml. */

const FIXTURES = join(import.meta.dirname, '../../../fixtures');
let scene: PageScene;

beforeAll(async () => {
  const files = ['Chart.yaml', 'values.yaml', 'crds/widgets.yaml', 'templates/operator.yaml'].map((path) => {
    const text = readFileSync(join(fixtureChart('widget-operator'), path), 'utf8');
    return [path, text.replace('name: widget-operator\n', 'name: my-operator\n')];
  });
  scene = await startScene({
    images: [
      ...certManagerImages('v1.17.2'),
      'docker.io/library/nginx:1.27',
      'quay.io/widget-project/dashboard:v1.0.0',
      'quay.io/widget-project/agent:1.20.3',
      'registry.example/team/web:1',
    ],
    hosts: {
      'charts.jetstack.io': { files: await repositoryOf(certManager('v1.17.2')) },
      'charts.example': { files: await repositoryOf(Object.fromEntries(files)) },
    },
  });
  const code = [['quay.io/widget-project/agent:1.20.3']];
  const manager = Buffer.concat([goProgram({ build: ['path\tx'], code }), Buffer.alloc(300 * 1024)]);
  const layers = [tarOf([{ path: 'manager', content: manager }])];
  const options = { layers, config: { Entrypoint: ['/manager'] } };
  await pushImage(scene.upstream.host, 'quay.io/widget-project/operator', 'v1.0.0', options);
  for (const files of [grafana(), argoWorkflows()]) await packageChart(files, scene.charts);
});
afterAll(() => scene.stop());

/** A kubectl that builds kustomizations, and prints these answers. @returns its folder */
function kubectlWith(answers: Parameters<typeof fakeKubectl>[1]): string {
  const folder = fakeKubectl({ code: 1 }, answers).env.PATH?.split(':')[0] ?? '';
  renameSync(join(folder, 'kubectl'), join(folder, 'answers'));
  const script = `#!/bin/sh\n[ "$1" = kustomize ] && exec '${KUBECTL}' "$@"\nexec '${folder}/answers' "$@"\n`;
  writeFileSync(join(folder, 'kubectl'), script, { mode: 0o755 });
  return folder;
}

test('docs/discovery.md', async () => {
  const reader = scene.reader();
  cpSync(FIXTURES, join(reader.cwd, 'fixtures'), { recursive: true });
  cpSync(fixtureChart('shop'), join(reader.cwd, 'app'), { recursive: true });
  writeFileSync(join(reader.cwd, 'site.yaml'), '{}\n');
  const pod = (name: string, image: string, namespace = 'shop') =>
    podObject(name, {
      namespace,
      containers: { web: { image, state: running } },
      ...(namespace === 'shop' && { initContainers: { wait: { image: 'redis:7', state: running } } }),
    });
  const pods = podList([
    pod('web-1', 'registry.example/team/web:1'),
    pod('web-2', 'registry.example/team/web:1'),
    pod('kube-proxy-x', 'registry.k8s.io/kube-proxy:v1.35.0', 'kube-system'),
  ]);
  const PATH = kubectlWith({ 'get pods -A -o json': { stdout: pods } });
  await runPage('docs/discovery.md', { ...reader, env: { ...reader.env, PATH } });
});

test('docs/operator-scan.md', async () => {
  await runPage('docs/operator-scan.md', scene.reader());
});

test('docs/commands.md', async ({ skip }) => {
  if (KUBECTL === undefined) return skip(WITHOUT_KUBECTL);
  const reader = scene.reader();
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "nginx:1.27"}]}\n';
  await writeFiles(reader.cwd, {
    'overlays/production/kustomization.yaml': 'resources: [pod.yaml]\n',
    'overlays/production/pod.yaml': pod,
    'deploy/pod.yaml': pod,
  });
  const PATH = kubectlWith({ 'get deployments -A -o yaml': { stdout: pod } });
  await runPage('docs/commands.md', { ...reader, env: { ...reader.env, PATH } });
});

test('docs/config.md', async () => {
  await runPage('docs/config.md', scene.reader());
});

test('docs/init.md', async () => {
  const reader = scene.reader();
  await writeFiles(join(reader.cwd, 'charts/shop'), web());
  await packageChart({ ...web(), 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 2.0.0\n' }, reader.home);
  await program(
    helmUnderTest(),
    [
      'push',
      join(reader.home, 'web-2.0.0.tgz'),
      `oci://${scene.upstream.host}/registry.example/charts`,
      '--plain-http',
    ],
    reader.home,
  );
  const cluster = await startReleaseServer();
  const kubeconfig = join(reader.home, 'kubeconfig');
  writeFileSync(kubeconfig, cluster.kubeconfig);
  const install = [
    'install',
    'web',
    join(reader.cwd, 'charts/shop'),
    '--dry-run=client',
    '-o',
    'json',
    '--kubeconfig',
    kubeconfig,
  ];
  cluster.add(await program(helmUnderTest(), install, reader.home));
  await runPage('docs/init.md', { ...reader, env: { ...reader.env, KUBECONFIG: kubeconfig } });
  await cluster.stop();
});

test('docs/image-streams.md', async ({ skip }) => {
  if (KUBECTL === undefined) return skip(WITHOUT_KUBECTL);
  const { cwd, home } = scene.reader();
  const file = (name: string): string => join(cwd, name);
  cpSync(FIXTURES, file('fixtures'), { recursive: true });
  const ca = authority();
  const [old, fresh] = await Promise.all([startOpenShift(ca, 'sha256~old'), startOpenShift(ca, 'sha256~new')]);
  await fillShop(old);
  await writeFiles(cwd, {
    'ca.pem': ca.ca,
    'old.kubeconfig': old.api.kubeconfig,
    'new.kubeconfig': fresh.api.kubeconfig,
    'new/route.yaml': `apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: default-route, namespace: openshift-image-registry}
spec: {host: default-route-openshift-image-registry.apps.new.example, to: {kind: Service, name: image-registry}}
`,
    'work/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
        - name: web
          image: docker-registry.default.svc:5000/shop/web:1
---
{apiVersion: v1, kind: Pod,
metadata: {name: web, namespace: shop},
spec: {containers: []}}
---
{apiVersion: v1, kind: ConfigMap,
metadata: {name: images, namespace: shop},
data: {web: "docker-registry.default.svc:5000/shop/web"}}
`,
  });
  for (const namespace of ['shop', 'openshift-image-registry'])
    cpSync(file(`fixtures/image-streams/openshift-4/resources/${namespace}`), file(`old/${namespace}`), {
      recursive: true,
    });
  const programs = scratchFolder();
  for (const name of ['oc', 'kubectl'])
    writeFileSync(join(programs, name), `#!/bin/sh\nexec '${KUBECTL}' "$@"\n`, { mode: 0o755 });
  const auths = Object.fromEntries(
    [old, fresh].map(({ route, token }) => [route.host, { auth: Buffer.from(`x:${token}`).toString('base64') }]),
  );
  const env = {
    PATH: programs,
    SSL_CERT_FILE: file('ca.pem'),
    KUBECONFIG: file('old.kubeconfig'),
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths }),
  };
  const replace = { '--to default-route-openshift-image-registry.apps.new.example': `--to ${fresh.route.host}` };
  await runPage('docs/image-streams.md', { cwd, home, env, replace });
  await Promise.all([old.stop(), fresh.stop()]);
});
