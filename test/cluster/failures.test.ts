import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realChart } from '../support/charts.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import { carry, identityOf, remove } from '../support/cluster/journey/carried-chart.ts';
import { type InsideHelm, insideHelm } from '../support/cluster/journey/inside.ts';
import { expectedPulls, NO_CHART } from '../support/cluster/judges/expected-pulls.ts';
import { expectQuestion, leaksOf } from '../support/cluster/judges/isolation.ts';

/** Real charts that cannot run inside: the cluster says of which images what the plugin says before. */

const cluster = sharedCluster();
let helm: InsideHelm;

beforeAll(async () => {
  helm = await insideHelm(cluster);
});
afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

test('a chart whose schema refuses the port of the target: `values` names the image that stays public', async (context) => {
  const path = realChart('adot-exporter-for-eks-on-ec2-0.22.0.tgz');
  if (path === undefined) return context.skip(NO_CHART);
  expectQuestion(cluster, 'registry-1.docker.io');
  const to = `${cluster.registry}/failures`;
  const carried = await carry(helm, { path, ...identityOf(path), to });
  await remove(carried);
  const image = 'amazon/aws-otel-collector:v0.37.0';
  expect([carried.values.code, carried.install.code]).toEqual([3, 0]);
  expect(carried.values.stderr).toContain(image);
  const { publicImages, containers } = carried.settled;
  expect(publicImages).toEqual([image]);
  expect(containers.map(({ image: name, state }) => ({ name, state }))).toEqual([
    { name: image, state: 'cannot-pull' },
  ]);
  expect(carried.pulls.pulled).toEqual([]);
});

test('an image that is not at the target: exactly the Pods with it have none', async (context) => {
  const chart = 'jaeger-3.2.0';
  const path = realChart(`${chart}.tgz`);
  if (path === undefined) return context.skip(NO_CHART);
  const to = `${cluster.registry}/withheld`;
  const repository = 'docker.io/jaegertracing/jaeger-collector';
  const carried = await carry(helm, {
    path,
    ...identityOf(path),
    to,
    namespace: 'withheld',
    pushed: () => {
      const folder = join(cluster.folder, 'state/registry/docker/registry/v2/repositories/withheld', repository);
      rmSync(folder, { recursive: true });
    },
  });
  const { site, values } = carried;
  const target = ['--to', to, '--ca-file', cluster.caFile, '--overrides', values.overrides, '-o', 'json'];
  const before = await helm.run(['airgap', 'check', `${site.chart}@${site.version}`, '--bundle', site.file, ...target]);
  await remove(carried);
  expect(carried.install.code, carried.install.stderr).toBe(0);
  const failing = carried.settled.containers.filter(({ state }) => state !== 'pulled');
  expect(failing.map(({ container, image, state }) => ({ container, image, state }))).toEqual([
    { container: 'jaeger-collector', image: `${to}/${repository}:1.53.0`, state: 'cannot-pull' },
  ]);
  expect(before.code, before.stderr).toBe(3);
  const images: { status: string; reference: string }[] = JSON.parse(before.stdout).images;
  const missing = images.filter(({ status }) => status !== 'ok');
  expect(missing).toMatchObject([{ status: 'not-pushed', reference: `${to}/${repository}:1.53.0` }]);
  expect(carried.pulls.pulled).toEqual(expectedPulls(chart, to).filter((image) => !image.includes(repository)));
});
