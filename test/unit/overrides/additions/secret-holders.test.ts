import { describe, expect, it, test } from 'vitest';
import { discoverReferences } from '../../../../src/discovery/index.ts';
import { splitDocuments } from '../../../../src/helm/documents.ts';
import {
  findSecretHolders,
  operatorPodImages,
  type PullSecretHolder,
  podsWithoutSecret,
  smallestCover,
} from '../../../../src/overrides/additions/secret-holders.ts';

const holdersIn = (...texts: string[]): PullSecretHolder[] => {
  const documents = splitDocuments(texts.map((text) => `---\n# Source: c/templates/a.yaml\n${text}`).join('\n'));
  return findSecretHolders([{ documents }], 'shop');
};
const pod = (name: string, extra = ''): string =>
  `kind: Pod\nmetadata: {name: ${name}}\nspec: {${extra} containers: [{image: a}]}`;
const account = (name: string, extra = ''): string => `kind: ServiceAccount\nmetadata: {name: ${name}}\n${extra}`;
const NEW = 'imagePullSecrets: [{name: new}]';

describe('pods without a pull secret', () => {
  const podsWithout = (...texts: string[]): string[] =>
    podsWithoutSecret(holdersIn(...texts), 'new').map(({ name }) => name);

  it('have the secret neither themselves nor through their service account', () => {
    const withSecret = pod('own', `${NEW},`);
    const viaAccount = pod('served', 'serviceAccountName: sa,');
    expect(
      podsWithout(withSecret, viaAccount, account('sa', NEW), pod('other'), pod('none', 'serviceAccountName: x,')),
    ).toEqual(['none', 'other']);
    expect(podsWithout(pod('default'), account('default', NEW))).toEqual([]);
  });

  it('use only the service account of their own namespace', () => {
    const otherNamespace = `kind: ServiceAccount\nmetadata: {name: sa, namespace: there}\n${NEW}`;
    const sameNamespace = `kind: ServiceAccount\nmetadata: {name: sa, namespace: shop}\n${NEW}`;
    expect(podsWithout(pod('a', 'serviceAccountName: sa,'), otherNamespace)).toEqual(['a']);
    expect(podsWithout(pod('a', 'serviceAccountName: sa,'), sameNamespace)).toEqual([]);
  });

  it('get nothing of their service account if they list other secrets', () => {
    const other = pod('a', 'serviceAccountName: sa, imagePullSecrets: [{name: other}],');
    expect(podsWithout(other, account('sa', NEW))).toEqual(['a']);
    const empty = pod('b', 'serviceAccountName: sa, imagePullSecrets: [],');
    expect(podsWithout(empty, account('sa', NEW))).toEqual([]);
  });

  it('are found in pod templates at any depth, each once', () => {
    const custom = 'kind: Database\nmetadata: {name: d}\nspec: {a: [{template: {spec: {containers: [{image: a}]}}}]}';
    const job =
      'kind: Job\nmetadata: {name: j}\nspec: {template: {spec: {initContainers: [{image: a}], containers: [{image: b}]}}}';
    expect(podsWithout(custom, job, job)).toEqual(['d', 'j']);
    expect(podsWithout('kind: Prometheus\nmetadata: {name: p}\nspec: {containers: []}')).toEqual([]);
  });
});

describe('the smallest set of leaves', () => {
  const holders = holdersIn(
    pod('a', 'serviceAccountName: sa,'),
    pod('b', 'serviceAccountName: sa,'),
    pod('c', 'serviceAccountName: lone,'),
    account('sa'),
    account('unused'),
  );
  const key = (name: string): string => holders.find((holder) => holder.name === name)?.key ?? '';
  const cover = (reached: Readonly<Record<string, readonly string[]>>): string[] =>
    smallestCover(
      holders,
      'new',
      new Map(Object.entries(reached).map(([leaf, names]) => [leaf, new Set(names.map(key))])),
      Object.keys(reached),
    );

  it('is a single leaf that reaches everything, if there is one', () => {
    expect(cover({ global: ['a', 'b', 'c'], local: ['a'], extra: ['c'] })).toEqual(['global']);
  });

  it('covers pods by their service account, which is not needed if the pods have the secret', () => {
    expect(cover({ account: ['sa'], a: ['a'], c: ['c'] })).toEqual(['account', 'c']);
    expect(cover({ pods: ['a', 'b', 'c'], account: ['sa'] })).toEqual(['pods']);
  });

  it('does not cover pods that list other secrets by their account', () => {
    const listing = holdersIn(pod('a', 'serviceAccountName: sa, imagePullSecrets: [{name: other}],'), account('sa'));
    const [own = '', ofAccount = ''] = listing.map((holder) => holder.key);
    const reached = new Map(Object.entries({ account: new Set([ofAccount]), pods: new Set([own]) }));
    expect(smallestCover(listing, 'new', reached, ['account', 'pods'])).toEqual(['pods']);
  });

  it("includes an account without rendered pods, because an operator's pods may use it", () => {
    expect(cover({ pods: ['a', 'b', 'c'], unused: ['unused'] })).toEqual(['pods', 'unused']);
  });
});

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
