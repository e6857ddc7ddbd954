import { expect, test } from 'vitest';
import { discover } from './render.ts';

const pod = (hook: string) => `
apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {helm.sh/hook: "${hook}"}}
spec: {containers: [{image: "a:1"}]}`;

test.each([
  ['test', 'test'],
  ['test-success', 'test'],
  ['post-delete', 'lifecycle'],
  ['pre-upgrade, post-rollback', 'lifecycle'],
  ['pre-install,pre-upgrade', 'install'],
  ['post-install', 'install'],
])('hook %s is needed for %s', (hook, need) => {
  expect(discover(pod(hook))).toMatchObject([{ need, hook }]);
});

test('a workload with 0 replicas or suspended is optional', () => {
  const workload = (spec: string) => `
apiVersion: batch/v1
kind: CronJob
metadata: {name: p}
spec: {${spec}, jobTemplate: {spec: {template: {spec: {containers: [{image: "a:1"}]}}}}}`;
  expect(discover(workload('suspend: true'))[0]?.need).toBe('optional');
  expect(discover(workload('replicas: 0'))[0]?.need).toBe('optional');
  expect(discover(workload('suspend: false'))[0]?.need).toBe('install');
});
