import { describe, expect, test } from 'vitest';
import { discoverReferences } from '../../../../src/discovery/index.ts';
import { operatorContainers } from '../../../../src/discovery/rules/operators.ts';
import { splitDocuments } from '../../../../src/helm/documents.ts';

const workload = (name: string, account: string, extra = ''): string => `kind: Deployment
metadata: {name: ${name}${extra}}
spec: {template: {spec: {serviceAccountName: ${account}, containers: [{name: x, image: "quay.io/org/${name}:1.0", command: [/${name}], args: [--fast], env: [{name: AGENT_IMAGE, value: x}]}]}}}
`;
const role = (name: string, resources: string, verbs: string, group = '""'): string => `kind: ClusterRole
metadata: {name: ${name}}
rules: [{apiGroups: [${group}], resources: [${resources}], verbs: [${verbs}]}]
---
# Source: c/templates/b-${name}.yaml
kind: ClusterRoleBinding
metadata: {name: ${name}}
roleRef: {kind: ClusterRole, name: ${name}}
subjects: [{kind: ServiceAccount, name: ${name}}]
`;
const definition = 'kind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n';

function operators(texts: readonly string[], hasSeparateCrds = false): string[] {
  const render = texts.map((text, i) => `---\n# Source: c/templates/${i}.yaml\n${text}`).join('');
  const documents = splitDocuments(render);
  const references = discoverReferences(documents, { chart: 'c', profile: 'default' });
  return operatorContainers(documents, references, hasSeparateCrds).map(({ reference: located }) => located.reference);
}

describe('an operator', () => {
  test('is a workload whose service account may create pods or workloads', () => {
    const workloads = [workload('manager', 'manager'), workload('web', 'web')];
    for (const [group, resources] of [
      ['""', 'pods'],
      ['apps', 'deployments'],
      ['"", apps', 'secrets, deployments'],
      ['batch', 'jobs'],
      ['"*"', '"*"'],
    ] as const) {
      const roles = role('manager', resources, 'create', group);
      expect(operators([...workloads, roles]), resources).toEqual(['quay.io/org/manager:1.0']);
    }
    expect(operators([...workloads, role('manager', 'pods', '"*"')])).toEqual(['quay.io/org/manager:1.0']);
  });

  test('is not a workload that may only read, or create other resources', () => {
    expect(operators([workload('web', 'web'), role('web', 'pods', 'get, list')])).toEqual([]);
    expect(operators([workload('web', 'web'), role('web', 'configmaps', 'create')])).toEqual([]);
    expect(operators([workload('web', 'web'), role('web', '"*"', '"*"', 'web.example.com')])).toEqual([]);
  });

  test('has a role of Kubernetes itself, or one that collects the rules of others', () => {
    const bound = (to: string): string =>
      role('manager', 'secrets', 'get').replace('kind: ClusterRole, name: manager', `kind: ClusterRole, name: ${to}`);
    expect(operators([workload('manager', 'manager'), bound('edit')])).toEqual(['quay.io/org/manager:1.0']);
    expect(operators([workload('manager', 'manager'), bound('view')])).toEqual([]);
    const all =
      'kind: ClusterRole\nmetadata: {name: all}\naggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\n';
    const texts = [workload('manager', 'manager'), bound('all'), all];
    expect(operators(texts)).toEqual([]);
    expect(operators([...texts, role('other', 'pods', 'create')])).toEqual(['quay.io/org/manager:1.0']);
  });

  test('is any workload of a chart with CRDs and without role bindings', () => {
    expect(operators([workload('a', 'x'), workload('b', 'y'), definition])).toEqual([
      'quay.io/org/a:1.0',
      'quay.io/org/b:1.0',
    ]);
    expect(operators([workload('a', 'x')], true)).toEqual(['quay.io/org/a:1.0']);
    const boundWorkloads = [workload('manager', 'manager'), workload('web', 'web'), role('manager', 'pods', 'create')];
    expect(operators([...boundWorkloads, definition])).toEqual(['quay.io/org/manager:1.0']);
  });

  test('is not a hook', () => {
    const hook = workload('a', 'x', ', annotations: {helm.sh/hook: pre-install}');
    expect(operators([hook, definition])).toEqual([]);
  });

  test('has the words of its command and the names of its variables', () => {
    const documents = splitDocuments(`---\n# Source: c/templates/a.yaml\n${workload('a', 'x')}`);
    const references = discoverReferences(documents, { chart: 'c', profile: 'default' });
    expect(operatorContainers(documents, references, true)).toMatchObject([
      { words: ['/a', '--fast'], variables: ['AGENT_IMAGE'] },
    ]);
  });
});
