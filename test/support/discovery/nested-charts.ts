import { type NestedChart, nestedCharts } from '../../../src/discovery/nested/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';

/** Returns the nested charts in manifests as Helm would have rendered them, each from a template of its own. */
export function nested(manifests: readonly string[], values: Record<string, unknown> = {}): NestedChart[] {
  const render = manifests
    .map((manifest, i) => `---\n# Source: app/templates/t${i}.yaml\n${manifest.trim()}\n`)
    .join('');
  return nestedCharts(splitDocuments(render), values);
}

/** A Job that runs this script. */
export function job(script: string, env: Record<string, string> = {}): string {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }));
  const containers = [{ name: 'x', image: 'r.example/x:1', command: ['sh', '-c'], args: [script], env: variables }];
  return JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'installer' },
    spec: { template: { spec: { containers } } },
  });
}
