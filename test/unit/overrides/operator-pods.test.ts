import { expect, test } from 'vitest';
import { discoverReferences } from '../../../src/discovery/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { operatorPodImages } from '../../../src/overrides/operator-pods.ts';

const deployment = (name: string, container: object): string => {
  const spec = { imagePullSecrets: [{ name: 'ecr' }], containers: [{ name, ...container }] };
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { template: { spec } } };
  return `---\n# Source: a/templates/${name}.yaml\n${JSON.stringify(object)}\n`;
};

test('returns images of operator pods, unless the operator has the secret or the chart runs them itself', () => {
  const env = [{ name: 'WORKER_IMAGE', value: 'quay.io/acme/worker:1' }];
  const secret = { name: 'WORKER_IMAGE_PULL_SECRETS', value: 'ecr' };
  const imagesOf = (container: object, others = ''): string[] => {
    const text = deployment('op', { image: 'quay.io/acme/op:1', ...container }) + others;
    const documents = splitDocuments(text);
    const references = discoverReferences(documents, { chart: 'a', profile: 'default' });
    return operatorPodImages([{ documents, values: {} }], [references], 'ecr');
  };
  expect(imagesOf({ env })).toEqual(['quay.io/acme/worker:1']);
  expect(imagesOf({ env: [...env, secret] })).toEqual([]);
  expect(imagesOf({ env }, deployment('worker', { image: 'quay.io/acme/worker:1' }))).toEqual([]);
});
