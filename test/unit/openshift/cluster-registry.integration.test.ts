import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { askRegistryAddresses } from '../../../src/openshift/cluster-registry.ts';
import { addressesIn } from '../../../src/openshift/registry-addresses.ts';
import { fakeKubectl } from '../../support/kubectl.ts';

const cwd = import.meta.dirname;
const REFUSED = { stderr: 'Error from server (Forbidden): routes.route.openshift.io is forbidden', code: 1 };
const UNKNOWN = { stderr: 'error: the server doesn\'t have a resource type "routes"', code: 1 };
const NO_API = { stderr: 'Error from server (NotFound): the server could not find the requested resource', code: 1 };
const NAMESPACE = '--namespace=openshift-image-registry';
const STREAMS = '--raw=/apis/image.openshift.io/v1/namespaces/openshift/imagestreams?limit=1';

const IMAGE = {
  ...{ apiVersion: 'config.openshift.io/v1', kind: 'Image', metadata: { name: 'cluster' } },
  status: { internalRegistryHostname: 'image-registry.openshift-image-registry.svc:5000' },
};
const ROUTE = {
  ...{ apiVersion: 'route.openshift.io/v1', kind: 'Route' },
  metadata: { name: 'default-route', namespace: 'openshift-image-registry' },
  spec: { host: 'registry.example', to: { kind: 'Service', name: 'image-registry' } },
};
const LIST = {
  ...{ apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamList', metadata: { continue: 'x' } },
  items: [
    {
      metadata: { name: 'cli', namespace: 'openshift' },
      status: {
        dockerImageRepository: 'registry.internal:5000/openshift/cli',
        publicDockerImageRepository: 'registry.example/openshift/cli',
      },
    },
  ],
};
const json = (value: object) => ({ stdout: JSON.stringify(value) });
const ask = (env: Record<string, string | undefined>, cluster = {}) =>
  askRegistryAddresses({ env, cwd }, cluster, 'the source cluster', '--registry-route');

describe('askRegistryAddresses', () => {
  test('reads configuration and Routes, and asks the kubeconfig that is given', async () => {
    const program = fakeKubectl(json({ kind: 'List', apiVersion: 'v1', items: [] }), {
      cluster: json(IMAGE),
      [NAMESPACE]: json({ kind: 'List', apiVersion: 'v1', items: [ROUTE] }),
    });
    const env = { ...program.env, HELM_KUBECONTEXT: 'other', AIRGAP_AUTH_X_PASSWORD: 'secret' };
    const objects = await ask(env, { kubeconfig: basename(import.meta.filename), context: 'old' });
    expect(addressesIn(objects)).toMatchObject({
      internal: expect.arrayContaining([IMAGE.status.internalRegistryHostname]),
      route: 'registry.example',
    });
    expect(program.variables()).toContain(`KUBECONFIG=${import.meta.filename}`);
    expect(program.variables().join('\n')).not.toMatch(/HELM_KUBECONTEXT|AIRGAP_/);
    expect(program.calls()).toHaveLength(4);
    for (const call of program.calls()) expect(call).toEqual(expect.arrayContaining(['--context=old', 'get']));
  });

  test('a kubeconfig that is not there is an error: kubectl would ask another cluster', async () => {
    const program = fakeKubectl(json(IMAGE));
    await expect(ask(program.env, { kubeconfig: 'nowhere/config' })).rejects.toMatchObject({ code: 'file' });
    expect(program.calls()).toEqual([]);
  });

  test('of a user who may read nothing else, the image streams of the platform are enough', async () => {
    const { env } = fakeKubectl(REFUSED, { cluster: UNKNOWN, [STREAMS]: json(LIST) });
    expect(addressesIn(await ask(env))).toMatchObject({
      internal: ['registry.internal:5000', expect.anything(), expect.anything(), expect.anything(), expect.anything()],
      route: 'registry.example',
    });
  });

  test.each([
    ['that is no OpenShift', UNKNOWN, { [STREAMS]: NO_API }, "doesn't have a resource type"],
    [
      'that is not there',
      json(IMAGE),
      { [NAMESPACE]: { stderr: 'Unable to connect to the server', code: 1 } },
      'Unable to connect',
    ],
    ['that answers with something else', { stdout: 'hello' }, {}, 'no JSON'],
  ])('a cluster %s is one error', async (_, other, answers, text) => {
    const failure = { code: 'cluster', message: expect.stringContaining(text), hint: expect.any(String) };
    await expect(ask(fakeKubectl(other, answers).env)).rejects.toMatchObject(failure);
  });
});
