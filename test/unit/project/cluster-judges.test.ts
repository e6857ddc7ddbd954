import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../support/cluster/cluster.ts';
import { CONTROL, expectQuestion, leaksOf } from '../../support/cluster/judges/isolation.ts';
import { pullsOf } from '../../support/cluster/judges/pulls.ts';
import { type Event, outcomesOf, type Pod } from '../../support/cluster/judges/settle.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** What judges in the cluster suite, without a cluster. */

describe('the outcome of a container', () => {
  const pulled: Event = {
    reason: 'Pulled',
    message: 'Successfully pulled image "registry.test/a:1" in 80ms',
    metadata: { namespace: 'shop' },
    involvedObject: { name: 'web-1', fieldPath: 'spec.containers{main}' },
  };

  function outcome(status: object, events: readonly Event[]): string | undefined {
    const pod: Pod = {
      metadata: { namespace: 'shop', name: 'web-1' },
      spec: { containers: [{ name: 'main', image: 'registry.test/a:1' }] },
      status: { containerStatuses: [{ name: 'main', ...status }] },
    };
    return outcomesOf(pod, events)[0]?.state;
  }

  const running = { state: { running: {} } };

  test.each([
    ['pulled', running, [pulled]],
    ['started', running, []],
    ['started', running, [{ ...pulled, message: 'Container image "registry.test/a:1" already present on machine' }]],
    ['started', running, [{ ...pulled, metadata: { namespace: 'other' } }]],
    ['started', running, [{ ...pulled, involvedObject: { name: 'web-2', fieldPath: 'spec.containers{main}' } }]],
    ['started', running, [{ ...pulled, involvedObject: { name: 'web-1', fieldPath: 'spec.initContainers{main}' } }]],
    ['cannot-pull', { state: { waiting: { reason: 'ImagePullBackOff' } } }, []],
    ['cannot-pull', { state: { waiting: { reason: 'ErrImagePull' } } }, []],
    ['waiting', { state: { waiting: { reason: 'ContainerCreating' } } }, []],
    ['waiting', {}, []],
    ['started', { lastState: { terminated: {} }, state: { waiting: { reason: 'CrashLoopBackOff' } } }, []],
  ])('%s', (expected, status, events) => {
    expect(outcome(status, events)).toBe(expected);
  });
});

describe('what tried to leave', () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, 'log'));
  writeFileSync(join(folder, 'private-names'), 'airgap.test\n');
  const query = (name: string): string => `1.5 198.18.0.7 1 ${name}\n`;
  const names = ['quay.io', 'registry.airgap.test', 'a.svc.cluster.local', 'web', 'notairgap.test', CONTROL.name];
  writeFileSync(join(folder, 'log/dns-queries.log'), names.map(query).join(''));
  const packets = [
    '01:00:00.0 IP 198.18.0.7.4 > 8.8.8.8.53: UDP',
    `01:00:00.0 IP 1.1.1.1.4 > ${CONTROL.address}.9: UDP`,
  ];
  writeFileSync(join(folder, 'log/out.log'), `${packets.join('\n')}\n`);

  test('is each public name and packet', () => {
    expect(leaksOf({ folder })).toEqual({
      packets: [packets[0]],
      names: ['198.18.0.7 quay.io', '198.18.0.7 notairgap.test'],
    });
  });

  test('or, of the control, only its own', () => {
    expect(leaksOf({ folder }, true)).toEqual({ packets: [packets[1]], names: [`198.18.0.7 ${CONTROL.name}`] });
  });
});

test('a public name that a test has announced is no leak if the node asks for it', () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, 'log'));
  const questions = ['1.5 192.0.2.10 1 quay.io', '1.5 192.0.2.10 1 ghcr.io', '1.5 198.18.0.7 1 quay.io'];
  writeFileSync(join(folder, 'log/dns-queries.log'), `${questions.join('\n')}\n`);
  expectQuestion({ folder }, 'quay.io');
  expect(leaksOf({ folder }).names).toEqual(['192.0.2.10 ghcr.io', '198.18.0.7 quay.io']);
});

test('pulls are what events of the kubelet say, each image once', async () => {
  const messages = [
    'Pulling image "r.test/a:1"',
    'Successfully pulled image "r.test/a:1" in 80ms (90ms including waiting). Image size: 5 bytes.',
    'Successfully pulled image "r.test/a:1" in 70ms (70ms including waiting). Image size: 5 bytes.',
    'Container image "r.test/b:1" already present on machine',
    'Failed to pull image "r.test/c:1": not found',
    'Back-off pulling image "r.test/c:1": ErrImagePull',
    'Failed to apply default image tag "UPPER": couldn\'t parse image name',
    'Error: ErrImagePull',
  ];
  const cluster = { kubectl: async () => `${messages.join('\n')}\n` } as unknown as Cluster;
  expect(await pullsOf(cluster, ['shop', 'other'])).toEqual({
    pulled: ['r.test/a:1'],
    failed: ['UPPER', 'r.test/c:1'],
    present: ['r.test/b:1'],
  });
});
