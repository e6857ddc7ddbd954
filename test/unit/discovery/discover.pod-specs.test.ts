import { expect, test } from 'vitest';
import { custom, discover, references } from '../../support/discovery/references.ts';

test('finds containers, init containers, ephemeral containers and image volumes of a workload', () => {
  const found = discover(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{name: a, image: busybox}]
          containers: [{name: b, image: "quay.io/x/b:1"}, {image: registry:5000/c@sha256:${'a'.repeat(64)}}]
          ephemeralContainers: [{name: e, image: ghcr.io/x/e:2}]
          volumes: [{name: v, image: {reference: "ghcr.io/x/v:3", pullPolicy: Always}}]
`);
  expect(found.map(({ path, reference, how, confidence, need }) => [path, reference, how, confidence, need])).toEqual(
    [
      ['initContainers[0].image', 'docker.io/library/busybox:latest'],
      ['containers[0].image', 'quay.io/x/b:1'],
      ['containers[1].image', `registry:5000/c@sha256:${'a'.repeat(64)}`],
      ['ephemeralContainers[0].image', 'ghcr.io/x/e:2'],
      ['volumes[0].image.reference', 'ghcr.io/x/v:3'],
    ].map(([path, reference]) => [
      `spec.jobTemplate.spec.template.spec.${path}`,
      reference,
      'pod-spec',
      'certain',
      'install',
    ]),
  );
});

test('finds a pod template inside a custom resource and in the items of a List', () => {
  const template = { spec: { containers: [{ name: 'x', image: 'org/x:1' }] } };
  expect(discover(custom({ workers: { podTemplate: template } }))[0]).toMatchObject({
    kind: 'Widget',
    name: 'w',
    path: 'spec.workers.podTemplate.spec.containers[0].image',
    how: 'pod-spec',
    written: 'org/x:1',
    reference: 'docker.io/org/x:1',
  });
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', spec: { template } }],
  };
  expect(discover(JSON.stringify(list))[0]?.path).toBe('items[0].spec.template.spec.containers[0].image');
});

test('an image volume in a custom resource is found once, with the other volumes', () => {
  const volumes = [
    { name: 'a', image: { reference: 'org/v:1', pullPolicy: 'Always' } },
    { name: 'b', csi: { driver: 'x', image: 'org/csi:2' } },
  ];
  const found = discover(custom({ template: { spec: { containers: [{ image: 'org/x:1' }], volumes } } }));
  expect(found.map(({ path, reference }) => [path.slice('spec.template.spec.'.length), reference])).toEqual([
    ['containers[0].image', 'docker.io/org/x:1'],
    ['volumes[0].image.reference', 'docker.io/org/v:1'],
    ['volumes[1].csi.image', 'docker.io/org/csi:2'],
  ]);
});

test('a placeholder for an injector is not an image', () => {
  expect(
    references(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec: {template: {spec: {containers: [{name: istio-proxy, image: auto}]}}}`),
  ).toEqual([]);
});

test("counts a template's documents and names each template", () => {
  const pod = (image: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: ${image}}]}`;
  const references = discover(`kind: Service\n---\n# Source: app/templates/t0.yaml\n${pod('a:1')}`, pod('b:1'));
  expect(references.map(({ template, document }) => [template, document])).toEqual([
    ['app/templates/t0.yaml', 1],
    ['app/templates/t1.yaml', 0],
  ]);
});

test('schema text and access rules are not evidence, nor are fields of a workload outside its pod spec', () => {
  const image = { containers: [{ image: 'quay.io/a/b:1' }], example: 'quay.io/a/b:1', image: 'quay.io/a/b:1' };
  for (const kind of ['CustomResourceDefinition', 'ClusterRole', 'Role', 'ClusterRoleBinding']) {
    expect(references(JSON.stringify({ apiVersion: 'x/v1', kind, spec: image }))).toEqual([]);
  }
  expect(references(JSON.stringify({ apiVersion: 'v1', kind: 'Service', spec: { image: 'quay.io/a/b:1' } }))).toEqual(
    [],
  );
});
