import { discoverReferences } from '../../../src/discovery/index.ts';
import { applyRules, parseRules, type Rule, type RuleInput } from '../../../src/discovery/rules/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import type { LocatedReference } from '../../../src/inventory/finding.ts';

/** Applies rules to manifests as Helm would have rendered them, each from a template of the chart (or subchart) `app`. */
export function apply(rules: readonly Rule[], manifests: readonly object[], options: Options = {}): LocatedReference[] {
  return applyRules(rules, inputOf(manifests, options));
}

/** Returns the input of rules for manifests as Helm would have rendered them. */
export function inputOf(manifests: readonly object[], options: Options = {}): RuleInput {
  const folder = options.folder ?? 'app';
  const render = manifests
    .map((manifest, i) => `---\n# Source: ${folder}/templates/t${i}.yaml\n${yaml(manifest)}`)
    .join('');
  const documents = splitDocuments(render);
  const context = { chart: 'app', profile: 'default' };
  const references = discoverReferences(documents, context);
  const metadata = { name: 'app', version: '1.0.0', ...(options.appVersion && { appVersion: options.appVersion }) };
  return { metadata, documents, references, context };
}

export interface Options {
  /** Of the chart, `app` or `app/charts/sub`. */
  readonly folder?: string;
  readonly appVersion?: string;
}

/** Returns only the references, without duplicates. */
export function references(rules: readonly Rule[], manifests: readonly object[], options?: Options): string[] {
  return [...new Set(apply(rules, manifests, options).map((located) => located.reference))];
}

/** A Deployment of an operator with this image. */
export function operator(image: string, container: object = {}, labels: object = {}): object {
  const containers = [{ name: 'manager', image, ...container }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'operator', labels },
    spec: { template: { spec: { containers } } },
  };
}

/** A resource of an operator. */
export function resource(apiVersion: string, kind: string, spec: object, name = 'it'): object {
  return { apiVersion, kind, metadata: { name }, spec };
}

/** A rule with one image. */
export function rule(image: object, more: object = {}): Rule[] {
  return parseRules(
    {
      operator: 'widget-operator',
      source: 'org/widget, main.go, v1.0.0',
      when: { images: ['org/widget-operator'] },
      images: [{ name: 'widget', reference: 'reg.io/org/widget:{tag}', redirect: { kind: 'none' }, ...image }],
      ...more,
    },
    'test',
  );
}

/** Block style for the top level, so that a manifest has a `kind:` line as charts write it. */
function yaml(manifest: object): string {
  return Object.entries(manifest)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('');
}
