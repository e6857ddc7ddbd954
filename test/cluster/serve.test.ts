import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chartYaml, realChart, writeFiles } from '../support/charts.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import { identityOf } from '../support/cluster/journey/carried-chart.ts';
import {
  createNamespace,
  type InsideHelm,
  insideHelm,
  installInside,
  uninstallInside,
  valuesInside,
} from '../support/cluster/journey/inside.ts';
import { bundleOutside } from '../support/cluster/journey/outside.ts';
import { type InsideServe, serveInside } from '../support/cluster/journey/serve.ts';
import { expectAllPulled, expectedPulls, NO_CHART } from '../support/cluster/judges/expected-pulls.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { pullsOf } from '../support/cluster/judges/pulls.ts';
import { settle } from '../support/cluster/judges/settle.ts';
import { scratchFolder } from '../support/scratch.ts';

/** A site without a registry: charts and images come straight from the bundle, by `helm airgap serve`. */

const cluster = sharedCluster();
const home = scratchFolder();
let helm: InsideHelm;

beforeAll(async () => {
  helm = await insideHelm(cluster);
});
afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

/** Paths of manifests that clients asked for. */
function manifestsOf(serve: InsideServe): string {
  return serve
    .requested()
    .filter((path) => path.includes('/manifests/'))
    .join('\n');
}

test('a chart with overrides, with a login', async (context) => {
  const carried = 'jaeger-3.2.0';
  const path = realChart(`${carried}.tgz`);
  if (path === undefined) return context.skip(NO_CHART);
  const { name: chart, version } = identityOf(path);
  const file = join(home, 'overrides.tar');
  const references = await bundleOutside([path], { file });
  const login = ['--htpasswd', join(cluster.folder, 'config/htpasswd')];
  const serve = await serveInside(helm, {
    name: 'serve',
    port: 5100,
    args: [file, '--prefix', 'mirrored', ...login],
  });
  const program = await serve.program();
  const { username, password } = cluster.login;
  await helm.ok(['registry', 'login', serve.host, '-u', username, '-p', password, '--ca-file', cluster.caFile]);
  const to = `${serve.host}/mirrored`;
  const site = { helm, file, chart, version, namespace: 'served', to };
  await createNamespace(cluster, site.namespace, { host: serve.host });
  const values = await valuesInside(site);
  const install = await installInside(site, values.overrides);
  const settled = await settle(cluster, { namespaces: [site.namespace], prefixes: [`${to}/`] });
  const pulls = await pullsOf(cluster, [site.namespace]);
  await uninstallInside(site);
  const requested = manifestsOf(serve);
  expect(await serve.stop()).toBe(0);
  // Nothing of the checkout runs inside.
  expect(program).toBe(join(cluster.folder, 'plugin/airgap/bin/node'));
  expectAllPulled({ site, references, values, install, settled, pulls });
  expect(pulls.pulled).toEqual(expectedPulls(carried, to));
  expect(requested).toContain(`/v2/mirrored/charts/${chart}/manifests/${version}`);
});

test('Pods that keep their public names, by the hosts.toml of `values --format containerd`', async () => {
  const deployment = (name: string, image: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: main, image: '${image}'}]}
`;
  // Registries that no other test file redirects.
  const images = ['first.example.net/team/web:1', 'second.example.net/team/worker:2'];
  const folder = await writeFiles(join(home, 'public'), {
    'Chart.yaml': chartYaml('public'),
    'templates/web.yaml': deployment('web', images[0] ?? ''),
    'templates/worker.yaml': deployment('worker', images[1] ?? ''),
  });
  const file = join(home, 'public.tar');
  expect([...(await bundleOutside([folder], { file }))].sort()).toEqual(images);
  const serve = await serveInside(helm, { name: 'serve-public', port: 5101, args: [file] });
  const hosts = join(home, 'certs.d');
  const target = ['--to', serve.host, '--ca-file', cluster.caFile];
  await helm.ok([
    ...['airgap', 'values', '--bundle', file, '--all', ...target],
    ...['--format', 'containerd', '--out-dir', hosts],
  ]);
  await cluster.run(['cp', '-r', `${hosts}/.`, '/etc/containerd/certs.d/']);
  const namespace = 'served-public';
  await createNamespace(cluster, namespace);
  const source = [`oci://${serve.host}/charts/public`, '--version', '1.0.0', '--ca-file', cluster.caFile];
  const install = await helm.run(['install', 'public', ...source, '-n', namespace]);
  const { containers } = await settle(cluster, { namespaces: [namespace] });
  const pulls = await pullsOf(cluster, [namespace]);
  await uninstallInside({ helm, file, chart: 'public', version: '1.0.0', namespace });
  const requested = manifestsOf(serve);
  expect(await serve.stop()).toBe(0);
  expect(install.code, install.stderr).toBe(0);
  expect(containers.map(({ image, state }) => [image, state]).sort()).toEqual(images.map((image) => [image, 'pulled']));
  expect(pulls).toEqual({ pulled: images, failed: [], present: [] });
  for (const path of ['first.example.net/team/web/manifests/1', 'second.example.net/team/worker/manifests/2']) {
    expect(requested).toContain(`/v2/${path}`);
  }
});
