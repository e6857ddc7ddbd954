import { discoverReferences } from '../../../src/discovery/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import type { LocatedReference } from '../../../src/inventory/finding.ts';

/** Discovers references in manifests as Helm would have rendered them, each from a template of its own. */
export function discover(...manifests: string[]): LocatedReference[] {
  const render = manifests
    .map((manifest, i) => `---\n# Source: app/templates/t${i}.yaml\n${manifest.trim()}\n`)
    .join('');
  return discoverReferences(splitDocuments(render), { chart: 'app', profile: 'default' });
}

/** References that are sure enough to be bundled, in the order of discovery, each once. */
export function references(...manifests: string[]): string[] {
  const bundled = discover(...manifests).filter((located) => located.confidence !== 'possible');
  return [...new Set(bundled.map((located) => located.reference))];
}

/** A ConfigMap with one key. */
export function configMap(text: string, key = 'config'): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { [key]: text } });
}

/** A Deployment whose only container has these fields beside `image: reg.io/own:1`. */
export function deployment(container: object): string {
  const containers = [{ name: 'main', image: 'reg.io/own:1', ...container }];
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { template: { spec: { containers } } },
  });
}

/** A custom resource with this spec. */
export function custom(spec: object): string {
  return JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec });
}
