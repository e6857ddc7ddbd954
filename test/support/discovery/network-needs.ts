import { type NetworkNeed, networkNeeds } from '../../../src/discovery/network/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';

/** Returns the network needs of manifests as Helm would have rendered them, each from a template of its own. */
export function needs(...manifests: string[]): NetworkNeed[] {
  const render = manifests
    .map((manifest, i) => `---\n# Source: app/templates/t${i}.yaml\n${manifest.trim()}\n`)
    .join('');
  return networkNeeds(splitDocuments(render), { chart: 'app', profile: 'default' });
}

/** Formats kind and address of each on one line. */
export function list(...manifests: string[]): string[] {
  return needs(...manifests).map(({ kind, url }) => `${kind} ${url}`);
}

/** A Job whose only container has these fields. */
export function job(container: object, metadata: object = {}): string {
  return JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', ...metadata },
    spec: { template: { spec: { containers: [{ name: 'c', image: 'alpine:3', ...container }] } } },
  });
}

/** A Job that runs a shell script. */
export function script(text: string, container: object = {}): string {
  return job({ command: ['/bin/sh', '-c'], args: [text], ...container });
}

/** A ConfigMap. */
export function configMap(data: Record<string, string>, name = 'c'): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
}
