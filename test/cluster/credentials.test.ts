import { afterAll, beforeAll, expect, test } from 'vitest';
import { realChart } from '../support/charts.ts';
import { programPath } from '../support/cluster/build.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import { carry, identityOf, remove } from '../support/cluster/journey/carried-chart.ts';
import { ECR_HOST, NODE_KEY, PUSHER_KEY, startEcrInside } from '../support/cluster/journey/ecr.ts';
import { type InsideHelm, insideHelm } from '../support/cluster/journey/inside.ts';
import { expectAllPulled, expectedPulls, NO_CHART } from '../support/cluster/judges/expected-pulls.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { settle } from '../support/cluster/judges/settle.ts';

/** The same kubelet pulls with pull secrets, with the node's own login, and with one that the node gets from AWS. */

const cluster = sharedCluster();
let helm: InsideHelm;

beforeAll(async () => {
  helm = await insideHelm(cluster);
});
afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

/** Names of the pull secrets of the Pods in a namespace. */
async function secretsOf(namespace: string): Promise<string[][]> {
  const { items } = JSON.parse(await cluster.kubectl(['get', 'pods', '-n', namespace, '-o', 'json']));
  return items.map(({ spec }: { spec: { imagePullSecrets?: { name: string }[] } }) => {
    return (spec.imagePullSecrets ?? []).map(({ name }) => name);
  });
}

test('with pull secrets, which the overrides name in every Pod; without one the registry refuses', async (context) => {
  const chart = 'jaeger-3.2.0';
  const path = realChart(`${chart}.tgz`);
  if (path === undefined) return context.skip(NO_CHART);
  const to = `${cluster.registry}/credentials`;
  const carried = await carry(helm, { path, ...identityOf(path), to });
  const { namespace } = carried.site;
  const secrets = await secretsOf(namespace);
  const [image = ''] = carried.pulls.pulled;
  await cluster.kubectl(['run', 'bare', '--image', image, '-n', namespace, '--restart=Never']);
  const { containers } = await settle(cluster, { namespaces: [namespace] });
  await remove(carried);
  expectAllPulled(carried);
  expect(carried.pulls.pulled).toEqual(expectedPulls(chart, to));
  const failing = containers.filter(({ state }) => state !== 'pulled');
  expect(failing.map(({ container, state }) => [container, state])).toEqual([['bare', 'cannot-pull']]);
  expect(new Set(secrets.flat())).toEqual(new Set(['regcred']));
  expect(secrets.filter((names) => names.length !== 1)).toEqual([]);
});

test("with the node's own login, in Pods without pull secrets", async (context) => {
  const chart = 'fluent-bit-0.58.1';
  const path = realChart(`${chart}.tgz`);
  if (path === undefined) return context.skip(NO_CHART);
  const to = `${cluster.nodeRegistry}/credentials`;
  // A chart that another file installs has one of the same name, with cluster-wide objects.
  const flags = ['--set', 'fullnameOverride=node-login'];
  const carried = await carry(helm, { path, ...identityOf(path), to, flags });
  const secrets = await secretsOf(carried.site.namespace);
  await remove(carried);
  expectAllPulled(carried);
  expect(carried.pulls.pulled).toEqual(expectedPulls(chart, to));
  expect(secrets.flat()).toEqual([]);
});

test('from ECR, with the login that AWS gives to the credential provider of the node', async (context) => {
  const chart = 'aws-ebs-csi-driver-2.64.0';
  const path = realChart(`${chart}.tgz`);
  if (path === undefined) return context.skip(NO_CHART);
  if (programPath('ecr-credential-provider') === undefined) {
    return context.skip('ecr-credential-provider could not be built');
  }
  const ecr = await startEcrInside(cluster);
  const onAws = await insideHelm(cluster, '4.1.4', undefined, ecr.env);
  // As `aws ecr get-login-password | helm registry login` does it.
  const { username, password } = await ecr.login();
  await onAws.ok(['registry', 'login', ECR_HOST, '--ca-file', cluster.caFile, '-u', username, '-p', password]);
  const to = `${ECR_HOST}/mirrored`;
  const carried = await carry(onAws, { path, ...identityOf(path), to });
  const secrets = await secretsOf(carried.site.namespace);
  await remove(carried);
  const requests = await ecr.stop();
  expectAllPulled(carried);
  expect(carried.pulls.pulled).toEqual(expectedPulls(chart, to));
  expect(secrets.flat()).toEqual([]);
  const tokens = requests.filter(({ request }) => request === 'GetAuthorizationToken');
  expect(new Set(tokens.map(({ key }) => key))).toEqual(new Set([PUSHER_KEY, NODE_KEY]));
  // One for Helm; the kubelet keeps its own.
  expect(tokens.filter(({ key }) => key === NODE_KEY)).toHaveLength(2);
});
