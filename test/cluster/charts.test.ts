import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, type TestContext, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { realChart, realCharts } from '../support/charts.ts';
import { helmUnderTest, program } from '../support/cli.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import { carry, identityOf, remove } from '../support/cluster/journey/carried-chart.ts';
import { insideHelm } from '../support/cluster/journey/inside.ts';
import { installerImage } from '../support/cluster/journey/installer-image.ts';
import { lock } from '../support/cluster/journey/lock.ts';
import { expectAllPulled, expectedPulls, NO_CHART } from '../support/cluster/judges/expected-pulls.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { readCorpus } from '../support/corpus.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Real charts that define custom resources. They are in one file, since some have the same ones. */

const cluster = sharedCluster();
afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

/** Expects that a default install gets all its images. */
async function expectInstalled(chart: string, host: string, context: TestContext): Promise<void> {
  const path = realChart(`${chart}.tgz`);
  if (path === undefined) return context.skip(NO_CHART);
  const to = `${host}/charts`;
  const carried = await carry(await insideHelm(cluster), { path, ...identityOf(path), to });
  await remove(carried);
  expectAllPulled(carried);
  expect(carried.pulls.pulled).toEqual(expectedPulls(chart, to));
}

test.for([
  { chart: 'cert-manager-v1.21.1', host: cluster.registry },
  { chart: 'argo-workflows-1.0.18', host: cluster.nodeRegistry },
  { chart: 'strimzi-kafka-operator-1.2.0', host: cluster.registry },
])('$chart from $host', ({ chart, host }, context) => expectInstalled(chart, host, context));

test('the OpenTelemetry operator, which needs the kinds of cert-manager', async (context) => {
  const manager = realChart('cert-manager-v1.21.1.tgz');
  if (manager === undefined) return context.skip(NO_CHART);
  const args = ['template', 'x', manager, '--set', 'crds.enabled=true'];
  const render = await program(helmUnderTest(), args, scratchFolder());
  const documents = parseAllDocuments(render).map((document) => document.toJS());
  const kinds = documents.filter((object) => object?.kind === 'CustomResourceDefinition');
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: kinds });
  await cluster.kubectl(['create', '-f', '-'], list);
  onTestFinished(async () => void (await cluster.kubectl(['delete', '-f', '-'], list)));
  await expectInstalled('opentelemetry-operator-0.122.0', cluster.registry, context);
});

test('kube-prometheus-stack', async (context) => {
  onTestFinished(await lock(cluster, 'kube-prometheus-stack'));
  await expectInstalled('kube-prometheus-stack-88.5.3', cluster.registry, context);
});

test('an umbrella chart whose installer Job installs the charts that were carried with it', async (context) => {
  const chart = 'migration-assistant-0.2.0';
  const archive = realChart(`${chart}.tgz`);
  if (archive === undefined) return context.skip(NO_CHART);
  onTestFinished(await lock(cluster, 'kube-prometheus-stack'));
  const folder = scratchFolder();
  execFileSync('tar', ['-xf', archive, '-C', folder]);
  const path = join(folder, 'migration-assistant');
  // It wants a newer Kubernetes than the cluster's; its templates do not.
  const declaration = readFileSync(join(path, 'Chart.yaml'), 'utf8');
  writeFileSync(join(path, 'Chart.yaml'), declaration.replace(/^kubeVersion:.*\n/m, ''));
  const site = join(folder, 'site.yaml');
  // By default the installer's image is also that of containers whose programs are not here. The stand-in of the
  // prometheus-operator never gets ready.
  const values = {
    images: { installer: { repository: 'migrations/installer' } },
    charts: { 'kube-prometheus-stack': { waitForInstallation: false } },
  };
  writeFileSync(site, JSON.stringify(values));
  const to = `${cluster.nodeRegistry}/umbrella`;
  // The values for its kube-prometheus-stack have a field that the definitions do not: Helm 4 refuses it, Helm 3 does not.
  const { path: helm3 } = await insideHelm(cluster, '3.17.3');
  const carried = await carry(await insideHelm(cluster), {
    path,
    ...identityOf(archive),
    to,
    flags: ['-f', site],
    outside: {
      flags: ['--chart-mirror', `*=${realCharts()}`],
      contents: { 'docker.io/migrations/installer': installerImage(cluster, helm3) },
    },
    valuesFlags: ['--format', 'aggregate'],
    seconds: 20,
  });
  await remove(carried);
  // The console waits for an init container with programs that are not here; Jobs pull its image.
  const containers = carried.settled.containers.filter(({ container }) => container !== 'console');
  expectAllPulled({ ...carried, settled: { ...carried.settled, containers } });
  const { images = [] } = readCorpus().find(({ name }) => name === chart) ?? {};
  // Two images are the operator's doing.
  const own = images.filter(({ need, normalized }) => {
    return need === 'install' && !/\/prometheus:|\/prometheus-config-reloader:/.test(normalized);
  });
  const expected = ['docker.io/migrations/installer:latest', ...own.map(({ normalized }) => normalized)];
  expect(carried.pulls.pulled).toEqual([...new Set(expected.map((reference) => `${to}/${reference}`))].sort());
});
