import { expect, test } from 'vitest';
import { toFindings } from '../../../src/discovery/index.ts';
import { configMap, discover } from '../../support/discovery/references.ts';

const job = (hook: string) => `
apiVersion: batch/v1
kind: Job
metadata: {name: j, annotations: {helm.sh/hook: ${hook}}}
spec: {template: {spec: {containers: [{image: "org/x:1"}]}}}`;

test('locations of one reference become one finding with the strongest confidence and the most immediate need', () => {
  const references = discover(job('test'), configMap('org/x:1', 'xImage'), configMap('org/a:1', 'image'));
  const findings = toFindings(references);
  expect(findings.map(({ reference, confidence, need, found }) => [reference, confidence, need, found.length])).toEqual(
    [
      ['docker.io/org/a:1', 'likely', 'operand', 1],
      ['docker.io/org/x:1', 'certain', 'operand', 2],
    ],
  );
  expect(findings[1]?.found[0]).toEqual({
    chart: 'app',
    profile: 'default',
    template: 'app/templates/t0.yaml',
    document: 0,
    kind: 'Job',
    name: 'j',
    path: 'spec.template.spec.containers[0].image',
    how: 'pod-spec',
    written: 'org/x:1',
    hook: 'test',
  });
});

test('the order of findings does not depend on the order of locations', () => {
  const references = discover(configMap('a: {image: b:1}\nb: {image: a:1}'), job('post-install'));
  const order = (list: typeof references) => toFindings(list).map((finding) => finding.reference);
  expect(order(references)).toEqual(order(references.toReversed()));
});

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
