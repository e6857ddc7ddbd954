import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { LocatedReference } from '../../../../src/inventory/finding.ts';
import { runningReferences } from '../../../../src/workflows/images/running.ts';
import { CLUSTER, podList, podObject, running, waiting } from '../../../support/pods.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const cwd = scratchFolder();
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

async function read(...pods: object[]): Promise<{ references: LocatedReference[]; warnings: string[] }> {
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  const readInput = async () => Buffer.from(podList(pods));
  const references = await runningReferences({ env: {}, cwd, emit, readInput }, '-');
  return { references, warnings };
}

it('locates an image by namespace, Pod and container, with its tag and what the node runs', async () => {
  const { references, warnings } = await read(
    podObject('etcd-node-1', {
      namespace: 'kube-system',
      containers: { etcd: { image: 'quay.io/etcd:3', imageID: `quay.io/etcd@${digest('1')}`, state: running } },
      metadata: { ownerReferences: [{ kind: 'Node', name: 'node-1' }] },
    }),
  );
  expect(references).toEqual([
    {
      chart: '',
      profile: '',
      template: '',
      document: 0,
      kind: 'Pod',
      name: 'etcd-node-1',
      path: 'spec.containers[0].image',
      how: 'pod-spec',
      written: 'quay.io/etcd:3',
      pod: { namespace: 'kube-system', container: 'etcd', running: `quay.io/etcd@${digest('1')}` },
      reference: 'quay.io/etcd:3',
      confidence: 'certain',
      need: 'install',
    },
  ]);
  expect(warnings).toEqual([]);
});

it('has all kinds of containers and image volumes, normalized', async () => {
  const { references } = await read(
    podObject('a', {
      initContainers: { init: { image: 'busybox' } },
      containers: { main: { image: `nginx:1@${digest('2')}`, imageID: digest('3'), state: running } },
      ephemeralContainers: { debug: { image: 'index.docker.io/alpine:3', state: waiting('ContainerCreating') } },
      spec: { volumes: [{ name: 'model', image: { reference: 'r.example/models/m:1' } }] },
    }),
  );
  expect(references.map(({ reference, path, pod }) => [pod?.container, reference, path, pod?.running])).toEqual([
    ['init', 'docker.io/library/busybox:latest', 'spec.initContainers[0].image', undefined],
    ['main', `docker.io/library/nginx:1@${digest('2')}`, 'spec.containers[0].image', undefined],
    ['debug', 'docker.io/library/alpine:3', 'spec.ephemeralContainers[0].image', undefined],
    ['model', 'r.example/models/m:1', 'spec.volumes[0].image.reference', undefined],
  ]);
});

it('takes an image that its Pod names by ID from where the node has it, and warns of those that no registry has', async () => {
  const { references, warnings } = await read(
    podObject('a', {
      containers: {
        known: { image: digest('4'), imageID: `r.example/a@${digest('5')}`, state: running },
        unknown: { image: digest('6'), imageID: digest('6'), state: running },
        invalid: { image: 'Not An\u001b[2JImage', state: waiting('InvalidImageName') },
      },
    }),
  );
  expect(references.map(({ reference }) => reference)).toEqual([`r.example/a@${digest('5')}`]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^[ -~]+$/);
  expect(warnings[0]).toContain('apps/a, unknown');
  expect(warnings[0]).toContain('apps/a, invalid');
});

it('warns of a tag of which nodes run several digests', async () => {
  const pod = (name: string, digit: string): object =>
    podObject(name, {
      containers: { a: { image: 'r.example/a:1', imageID: `r.example/a@${digest(digit)}`, state: running } },
    });
  expect((await read(pod('one', '1'), pod('two', '1'))).warnings).toEqual([]);
  const { references, warnings } = await read(pod('one', '1'), pod('two', '2'));
  expect(warnings).toEqual([expect.stringContaining('r.example/a:1')]);
  expect(new Set(references.map(({ pod }) => pod?.running)).size).toBe(2);
});

it('reads a whole cluster', async () => {
  const { references } = await read(...CLUSTER);
  expect(references.length).toBeGreaterThanOrEqual(CLUSTER.length);
});
