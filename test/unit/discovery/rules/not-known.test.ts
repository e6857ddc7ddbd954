import { describe, expect, it } from 'vitest';
import { discoverReferences } from '../../../../src/discovery/index.ts';
import { builtInRules, notKnownOperators } from '../../../../src/discovery/rules/index.ts';
import { splitDocuments } from '../../../../src/helm/documents.ts';

/** Returns what is not known of templates, and of files in `crds/`. */
function notKnown(templates: readonly string[], crds: readonly string[] = []) {
  const documents = splitDocuments(
    templates.map((text, i) => `---\n# Source: c/templates/${i}.yaml\n${text}`).join(''),
  );
  const context = { chart: 'c', profile: 'default' };
  const references = discoverReferences(documents, context);
  const metadata = { name: 'c', version: '1.0.0' };
  const files = new Map(crds.map((text, i) => [`crds/${i}.yaml`, text]));
  const found = notKnownOperators(builtInRules, { metadata, documents, references, context, crds: files });
  return found.map(({ what, name }) => `${what} ${name}`);
}

const resource = (apiVersion: string, kind: string, spec = '{}'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\nspec: ${spec}\n`;
const CRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  versions: []
`;
const JSON_CRD = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  spec: { group: 'example.com', names: { plural: 'widgets', kind: 'Widget' }, versions: [] },
});

describe('a kind of resources', () => {
  const widget = resource('example.com/v1', 'Widget');

  it('is not known without a rule and a definition', () => {
    expect(notKnown([widget])).toEqual(['kind Widget (example.com)']);
  });

  it.each([
    ['in a template', [CRD, widget], []],
    ['in a crds folder', [widget], [`# Made by a tool\n---\n${CRD}`]],
    ['in JSON', [widget], [JSON_CRD]],
  ])('is known with its definition %s', (_, templates, crds) => {
    expect(notKnown(templates, crds)).toEqual([]);
  });

  it('is known by an image in it', () => {
    expect(notKnown([resource('example.com/v1', 'Widget', '{image: quay.io/acme/app:1}')])).toEqual([]);
  });

  it.each([
    ['cert-manager.io/v1', 'Certificate'],
    ['monitoring.coreos.com/v1', 'ServiceMonitor'],
    ['apps/v1', 'Deployment'],
    ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
    ['argoproj.io/v1alpha1', 'AppProject'],
  ])('starts nothing: %s %s', (apiVersion, kind) => {
    expect(notKnown([resource(apiVersion, kind)])).toEqual([]);
  });

  it.each([
    ['gateway.networking.k8s.io/v1', 'Gateway'],
    ['argoproj.io/v1alpha1', 'EventBus'],
    ['grafana.integreatly.org/v1beta1', 'Grafana'],
  ])('may start something: %s %s', (apiVersion, kind) => {
    expect(notKnown([resource(apiVersion, kind)])).toHaveLength(1);
  });
});

describe('an operator', () => {
  const workload = (image: string): string =>
    resource(
      'apps/v1',
      'Deployment',
      `{template: {spec: {serviceAccountName: a, containers: [{name: c, image: "${image}"}]}}}`,
    );
  const role =
    'kind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: [""], resources: [pods], verbs: [create]}]\n---\nkind: ClusterRoleBinding\nmetadata: {name: r}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: ServiceAccount, name: a}]\n';

  it('is not known without a rule, and named with its kinds', () => {
    expect(notKnown([workload('quay.io/acme/operator:1'), role, CRD])).toEqual(['operator quay.io/acme/operator:1']);
  });

  it('is known by a rule, and if it may start nothing', () => {
    expect(notKnown([workload('quay.io/acme/operator:1')])).toEqual([]);
    expect(notKnown([workload('quay.io/jetstack/cert-manager-controller:v1.18.2'), role])).toEqual([]);
  });
});
