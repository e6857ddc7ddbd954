import { expect, it } from 'vitest';
import { copiedUserValues } from '../../../src/overrides/copied-values.ts';

const base = {
  image: { registry: 'quay.io', repository: 'acme/app', tag: '' },
  url: 'https://quay.io/acme/chart',
  folder: 'https://charts.example/stable/',
  containers: [{ name: 'agent', image: 'quay.io/acme/agent:1', env: [{ name: 'PASSWORD', value: 'hunter2' }] }],
  numbers: [{ image: 'quay.io/acme/n:1', pin: 4711 }],
  images: ['quay.io/acme/a:1'],
  config: { 'app.yaml': 'image: quay.io/acme/agent:1\npassword: hunter2\n' },
};
const options = { values: ['site.yaml'] };

it.each([
  ['names', { image: { registry: 'r.example', repository: 'x/acme/app', tag: '1' } }, []],
  ['an address', { url: 'https://r.example/chart' }, []],
  ['an address with a slash at its end', { folder: 'oci://r.example/charts/x' }, []],
  ['a list of nothing but new names', { images: ['r.example/acme/a:1'] }, []],
  ['a list', { containers: [{ name: 'agent', image: 'r.example/a:1' }] }, ['containers']],
  ['a number in a list', { numbers: [{ image: 'r.example/n:1', pin: 4711 }] }, ['numbers']],
  ['a text', { config: { 'app.yaml': 'image: r.example/a:1\npassword: hunter2\n' } }, ['config."app.yaml"']],
  ['what was not there', { pullSecrets: [{ name: 'regcred' }], other: 'a b c' }, []],
])('copied values for overrides with %s', (_, overrides, copied) => {
  expect(copiedUserValues(base, overrides, options)).toEqual(copied);
});

it('is empty without user values', () => {
  const list = { containers: [{ name: 'agent', image: 'r.example/a:1' }] };
  expect(copiedUserValues(base, list, { values: [], set: [] })).toEqual([]);
  expect(copiedUserValues(base, list, { values: [], set: ['a=b'] })).toEqual(['containers']);
});
