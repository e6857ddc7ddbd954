import { stringify } from 'yaml';

/** CRD of agents (agents.acme.example) whose spec has this schema. */
export function agentCrd(spec: object): string {
  return stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'agents.acme.example' },
    spec: {
      group: 'acme.example',
      names: { kind: 'Agent', plural: 'agents' },
      versions: [{ name: 'v1', schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }],
    },
  });
}
