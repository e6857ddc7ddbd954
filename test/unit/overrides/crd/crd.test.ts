import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { crdManifests, findCrdVersion } from '../../../../src/overrides/crd/crd.ts';

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        description: { type: 'string', description: 'properties:\n  image:\n    type: integer\n' },
        image: { type: 'string' },
        pods: {
          type: 'array',
          items: { type: 'object', properties: { secrets: { type: 'array', items: { type: 'string' } } } },
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
};
const version = (name: string, openAPIV3Schema: object) => ({ name, served: true, schema: { openAPIV3Schema } });
const definition = (kind: string, group = 'acme.example') => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: kind },
  spec: {
    group,
    names: { kind, plural: `${kind}s` },
    versions: [version('v1beta1', { type: 'object' }), version('v1', schema)],
  },
});

function read(found: ReturnType<typeof findCrdVersion>) {
  if (found === 'unread') throw new Error('a definition that can be read is not');
  return found;
}

const SPEC = `kind: CustomResourceDefinition
spec:
  group: acme.example
  names:
    kind: Agent
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            first: &S
              type: string
            second:
              MERGE
              description: as the first
            third: *S
`;

describe('a CRD with anchors', () => {
  it.for(['<<: *S', '!!merge <<: *S', '<<: [*S]'])('is read as Kubernetes reads it: %s', (merge) => {
    const found = read(findCrdVersion([SPEC.replace('MERGE', merge)], 'acme.example/v1', 'Agent'));
    for (const field of ['first', 'second', 'third'])
      expect(found?.schemaAt([field])).toMatchObject({ type: 'string' });
    expect(found?.schemaAt(['fourth'])).toBeUndefined();
  });
});

it('a CRD that cannot be read is no CRD without fields', () => {
  const broken = SPEC.replace('MERGE', '<<: *T');
  expect(findCrdVersion([broken], 'acme.example/v1', 'Agent')).toBe('unread');
  expect(findCrdVersion([broken, stringify(definition('Agent'))], 'acme.example/v1', 'Agent')).toHaveProperty(
    'schemaAt',
  );
  expect(findCrdVersion([broken], 'acme.example/v1', 'Other')).toBeUndefined();
});

describe('a CRD', () => {
  const list = ['Agents', 'Agent'].map((kind) => definition(kind));
  const styles: readonly (readonly [string, string])[] = [
    ['block style', list.map((item) => stringify(item)).join('---\n')],
    ['block style with lists not indented', list.map((item) => stringify(item, { indentSeq: false })).join('---\n')],
    [
      'block style with CR LF',
      list
        .map((item) => stringify(item))
        .join('---\n')
        .replaceAll('\n', '\r\n'),
    ],
    ['JSON', list.map((item) => JSON.stringify(item)).join('\n---\n')],
  ];
  it.for(styles)('is found by group, kind and version in %s', ([, text]) => {
    const texts = crdManifests([text, 'kind: ConfigMap\n']);
    expect(texts).toHaveLength(2);
    const found = read(findCrdVersion(texts, 'acme.example/v1', 'Agent'));
    expect(found?.schemaAt(['spec', 'image'])).toEqual({ type: 'string' });
    expect(found?.schemaAt(['spec', 'pods', 3, 'secrets', 0])).toEqual({ type: 'string' });
    expect(found?.schemaAt(['spec', 'pods', 3, 'secret'])).toBeUndefined();
    expect(found?.schemaAt(['spec', 'free', 'a', 'b'])).toBe('any');
    expect(found?.schemaAt(['spec', 'description'])).toMatchObject({ type: 'string' });
    expect(findCrdVersion(texts, 'acme.example/v2', 'Agent')).toBeUndefined();
    expect(findCrdVersion(texts, 'other.example/v1', 'Agent')).toBeUndefined();
    expect(findCrdVersion(texts, 'acme.example/v1', 'Age')).toBeUndefined();
  });
});
