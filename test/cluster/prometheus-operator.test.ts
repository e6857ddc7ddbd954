import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { realChart } from '../support/charts.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import {
  createNamespace,
  insideHelm,
  installInside,
  PULL_SECRET,
  pushInside,
  type Site,
  uninstallInside,
  valuesInside,
} from '../support/cluster/journey/inside.ts';
import { lock } from '../support/cluster/journey/lock.ts';
import { bundleOutside } from '../support/cluster/journey/outside.ts';
import { prometheusOperator } from '../support/cluster/journey/real-programs.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { type ContainerOutcome, settle } from '../support/cluster/judges/settle.ts';
import { scratchFolder } from '../support/scratch.ts';

/** The real prometheus-operator of kube-prometheus-stack, and objects that users make after the install. */

const cluster = sharedCluster();
const folder = scratchFolder();
const archive = realChart('kube-prometheus-stack-88.5.3.tgz');
const contents = prometheusOperator();

/** Where the chart is, and where its users are. */
const [MONITORING, TEAM] = ['monitoring', 'team-a'];
/** Not the version that the operator takes by default, which is in the bundle. */
const OLD = 'quay.io/prometheus/prometheus:v2.55.1';
const RELOADER = 'quay.io/prometheus-operator/prometheus-config-reloader:v0.93.1';

/** Values of the site: the operator's part of the chart, beside other releases of it; rules and monitors only take time. */
const values = {
  fullnameOverride: MONITORING,
  defaultRules: { create: false },
  kubernetesServiceMonitors: { enabled: false },
  grafana: { enabled: false },
  kubeStateMetrics: { enabled: false },
  nodeExporter: { enabled: false },
  prometheusOperator: { namespaces: { releaseNamespace: true, additional: [TEAM] } },
};

const secret = { imagePullSecrets: [{ name: PULL_SECRET }] };
/** By name of the Pod that the operator is to make. */
const objects = {
  'prometheus-plain-0': made('Prometheus', 'plain', secret),
  'prometheus-sidecar-0': made('Prometheus', 'sidecar', { ...secret, thanos: {} }),
  'prometheus-old-0': made('Prometheus', 'old', { ...secret, version: 'v2.55.1' }),
  'prometheus-no-secret-0': made('Prometheus', 'no-secret', {}),
  'alertmanager-plain-0': made('Alertmanager', 'plain', secret),
  'thanos-ruler-plain-0': made('ThanosRuler', 'plain', { ...secret, queryEndpoints: ['dnssrv+_http._tcp.query'] }),
};

function made(kind: string, name: string, spec: object): object {
  return { apiVersion: 'monitoring.coreos.com/v1', kind, metadata: { name }, spec: { replicas: 1, ...spec } };
}

const missing =
  contents === undefined
    ? 'prometheus-operator could not be built'
    : archive === undefined
      ? 'kube-prometheus-stack 88.5.3 is not in AIRGAP_CHARTS'
      : undefined;

describe('objects for the real prometheus-operator', () => {
  let site: Site;
  let references: readonly string[];
  let proof: { residue: unknown[]; withoutPullSecret: unknown[]; pullSecretUnknown: string[] };
  let inTeam: readonly ContainerOutcome[];
  let unlock: () => void;

  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  beforeAll(async () => {
    if (missing !== undefined) return;
    unlock = await lock(cluster, 'kube-prometheus-stack');
    const [own, file] = [join(folder, 'site.yaml'), join(folder, 'stack.tar')];
    writeFileSync(own, stringify(values));
    references = await bundleOutside([String(archive)], { file, flags: ['-f', own], contents: contents ?? {} });
    const helm = await insideHelm(cluster);
    const chart = 'kube-prometheus-stack';
    site = { helm, file, chart, version: '88.5.3', namespace: MONITORING, values: ['-f', own] };
    await pushInside(site);
    const { code, stdout, stderr, overrides } = await valuesInside(site, ['--pull-secret', PULL_SECRET, '-o', 'json']);
    expect(code, stderr).toBe(0);
    proof = JSON.parse(stdout).proof;
    await createNamespace(cluster, MONITORING);
    await createNamespace(cluster, TEAM);
    // The chart's hook is a stand-in and makes no certificate for the operator's webhook.
    const pki = join(cluster.folder, 'pki/registry');
    const certificate = [`--from-file=cert=${pki}.crt`, `--from-file=key=${pki}.key`];
    await cluster.kubectl(['-n', MONITORING, 'create', 'secret', 'generic', `${MONITORING}-admission`, ...certificate]);
    // Helm keeps kinds that are there, and an older release of the chart may have left its own.
    const { stdout: kinds } = await helm.ok(['show', 'crds', String(archive)]);
    await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], kinds);
    const installed = await installInside(site, overrides);
    expect(installed.code, installed.stderr).toBe(0);
    const list = { apiVersion: 'v1', kind: 'List', items: Object.values(objects) };
    await cluster.kubectl(['-n', TEAM, 'create', '-f', '-'], JSON.stringify(list));
    await waitForPods(TEAM, Object.keys(objects));
    ({ containers: inTeam } = await settle(cluster, { namespaces: [TEAM] }));
  });

  afterAll(async () => {
    if (missing !== undefined) return;
    await cluster.run(['kubectl', 'delete', 'namespace', TEAM, '--wait=false']);
    await uninstallInside(site);
    unlock();
    expect(leaksOf(cluster)).toEqual({ packets: [], names: [] });
  });

  test('of the chart are pulled from the target', async () => {
    await waitForPods(MONITORING, [
      `prometheus-${MONITORING}-prometheus-0`,
      `alertmanager-${MONITORING}-alertmanager-0`,
    ]);
    const { containers, publicImages } = await settle(cluster, { namespaces: [MONITORING] });
    expect(publicImages).toEqual([]);
    expect(containers.filter(({ state }) => state !== 'pulled')).toEqual([]);
    expect(containers.map(({ pod }) => pod)).toEqual(
      expect.arrayContaining([`${MONITORING}/prometheus-${MONITORING}-prometheus-0`]),
    );
  });

  test('of users name images at the target only, and pull what the bundle has', () => {
    expect(inTeam.filter(({ image }) => publicName(image) === undefined)).toEqual([]);
    const pods = ['prometheus-plain-0', 'prometheus-sidecar-0', 'alertmanager-plain-0', 'thanos-ruler-plain-0'];
    const outcomes = inTeam.filter(({ pod }) => pods.includes(pod.replace(`${TEAM}/`, '')));
    expect(outcomes.filter(({ state }) => state !== 'pulled')).toEqual([]);
    const pulled = new Set(outcomes.map(({ image }) => publicName(image)));
    expect([...pulled].sort()).toEqual([
      RELOADER,
      'quay.io/prometheus/alertmanager:v0.33.1',
      'quay.io/prometheus/prometheus:v3.13.1',
      'quay.io/thanos/thanos:v0.42.4',
    ]);
    expect([...pulled].filter((image) => !references.includes(String(image)))).toEqual([]);
  });

  test('without the pull secret cannot pull, as values says of images in such Pods', async () => {
    expect(proof).toMatchObject({ residue: [], withoutPullSecret: [] });
    const without = inTeam.filter(({ pod }) => pod === `${TEAM}/prometheus-no-secret-0`);
    const images = new Set(without.map(({ image }) => String(publicName(image))));
    expect(proof.pullSecretUnknown).toEqual(expect.arrayContaining([...images]));
    // The main containers wait for the first one.
    expect(without.filter(({ state }) => state === 'pulled')).toEqual([]);
    expect(without.find(({ state }) => state === 'cannot-pull')?.message).toMatch(/no basic auth|401|authoriz/i);
  });

  test('of an older version cannot pull it until it has been pushed too', async () => {
    const old = inTeam.filter(({ pod }) => pod === `${TEAM}/prometheus-old-0`);
    expect(references).not.toContain(OLD);
    const refused = old.filter(({ state }) => state !== 'pulled');
    expect(refused.map(({ image, state }) => [publicName(image), state])).toEqual([[OLD, 'cannot-pull']]);
    expect(refused[0]?.message).toMatch(/not found/);

    const file = join(folder, 'old.tar');
    await bundleOutside([], { file, flags: ['--image', OLD] });
    await pushInside({ ...site, file });
    const account = JSON.stringify(secret);
    await cluster.kubectl(['-n', TEAM, 'patch', 'serviceaccount', 'default', '-p', account]);
    await cluster.kubectl(['-n', TEAM, 'delete', 'pod', 'prometheus-old-0', 'prometheus-no-secret-0']);
    await waitForPods(TEAM, Object.keys(objects));
    const { containers } = await settle(cluster, { namespaces: [TEAM] });
    expect(containers.filter(({ state }) => state !== 'pulled')).toEqual([]);
    expect(new Set(containers.map(({ pod }) => pod)).size).toBe(Object.keys(objects).length);
  });
});

/** The public name of an image at the target; undefined if it is not there. */
function publicName(image: string): string | undefined {
  const target = `${cluster.registry}/mirrored/`;
  return image.startsWith(target) ? image.slice(target.length) : undefined;
}

async function waitForPods(namespace: string, names: readonly string[]): Promise<void> {
  // One by one: kubectl gives up if another of several is not there yet.
  for (const name of names)
    await cluster.kubectl(['-n', namespace, 'wait', '--for=create', `pod/${name}`, '--timeout=60s']);
}
