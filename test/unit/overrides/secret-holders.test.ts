import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';
import {
  findSecretHolders,
  type PullSecretHolder,
  podsWithoutSecret,
  smallestCover,
} from '../../../src/overrides/secret-holders.ts';

const inRender = (...texts: string[]): PullSecretHolder[] => {
  const documents = splitDocuments(texts.map((text) => `---\n# Source: c/templates/a.yaml\n${text}`).join('\n'));
  return findSecretHolders([{ documents }], 'shop');
};
const pod = (name: string, more = ''): string =>
  `kind: Pod\nmetadata: {name: ${name}}\nspec: {${more} containers: [{image: a}]}`;
const account = (name: string, more = ''): string => `kind: ServiceAccount\nmetadata: {name: ${name}}\n${more}`;
const NEW = 'imagePullSecrets: [{name: new}]';

describe('pods without a pull secret', () => {
  const without = (...texts: string[]): string[] =>
    podsWithoutSecret(inRender(...texts), 'new').map(({ name }) => name);

  it('have the secret neither themselves nor through their service account', () => {
    const own = pod('own', `${NEW},`);
    const served = pod('served', 'serviceAccountName: sa,');
    expect(without(own, served, account('sa', NEW), pod('other'), pod('none', 'serviceAccountName: x,'))).toEqual([
      'none',
      'other',
    ]);
    expect(without(pod('default'), account('default', NEW))).toEqual([]);
  });

  it('use only the service account of their own namespace', () => {
    const there = `kind: ServiceAccount\nmetadata: {name: sa, namespace: there}\n${NEW}`;
    const here = `kind: ServiceAccount\nmetadata: {name: sa, namespace: shop}\n${NEW}`;
    expect(without(pod('a', 'serviceAccountName: sa,'), there)).toEqual(['a']);
    expect(without(pod('a', 'serviceAccountName: sa,'), here)).toEqual([]);
  });

  it('are found in pod templates at any depth, each once', () => {
    const custom = 'kind: Database\nmetadata: {name: d}\nspec: {a: [{template: {spec: {containers: [{image: a}]}}}]}';
    const job =
      'kind: Job\nmetadata: {name: j}\nspec: {template: {spec: {initContainers: [{image: a}], containers: [{image: b}]}}}';
    expect(without(custom, job, job)).toEqual(['d', 'j']);
    expect(without('kind: Prometheus\nmetadata: {name: p}\nspec: {containers: []}')).toEqual([]);
  });
});

describe('the smallest set of leaves', () => {
  const holders = inRender(
    pod('a', 'serviceAccountName: sa,'),
    pod('b', 'serviceAccountName: sa,'),
    pod('c', 'serviceAccountName: lone,'),
    account('sa'),
    account('unused'),
  );
  const key = (name: string): string => holders.find((holder) => holder.name === name)?.key ?? '';
  const choose = (reached: Readonly<Record<string, readonly string[]>>): string[] =>
    smallestCover(
      holders,
      'new',
      new Map(Object.entries(reached).map(([leaf, names]) => [leaf, new Set(names.map(key))])),
      Object.keys(reached),
    );

  it('is a single leaf that reaches everything, if there is one', () => {
    expect(choose({ global: ['a', 'b', 'c'], local: ['a'], more: ['c'] })).toEqual(['global']);
  });

  it('covers pods by their service account, which is not needed if the pods have the secret', () => {
    expect(choose({ account: ['sa'], a: ['a'], c: ['c'] })).toEqual(['account', 'c']);
    expect(choose({ pods: ['a', 'b', 'c'], account: ['sa'] })).toEqual(['pods']);
  });

  it("includes an account without rendered pods, because an operator's pods may use it", () => {
    expect(choose({ pods: ['a', 'b', 'c'], unused: ['unused'] })).toEqual(['pods', 'unused']);
  });
});
