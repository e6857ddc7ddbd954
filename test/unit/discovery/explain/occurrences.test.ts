import { describe, expect, test } from 'vitest';
import { explainDocuments, type Occurrence, withOtherEvidence } from '../../../../src/discovery/explain/index.ts';
import { discoverReferences } from '../../../../src/discovery/index.ts';
import { splitDocuments } from '../../../../src/helm/documents.ts';
import type { LocatedReference } from '../../../../src/inventory/finding.ts';
import { configMap, custom, deployment } from '../../../support/discovery/references.ts';
import fc from '../../../support/property.ts';

function render(...manifests: string[]): ReturnType<typeof splitDocuments> {
  return splitDocuments(manifests.map((text, i) => `---\n# Source: app/templates/t${i}.yaml\n${text}\n`).join(''));
}

function explained(text: string, ...manifests: string[]): Occurrence[] {
  return explainDocuments(render(...manifests), text);
}

/** Returns the reason for the rejection of the only occurrence. */
function because(text: string, ...manifests: string[]): string {
  const found = explained(text, ...manifests);
  expect(found.map(({ taken }) => taken)).toEqual([false]);
  return found[0]?.because ?? '';
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('an accepted text', () => {
  test('is reported with its location, its evidence and the key that names an image', () => {
    const manifest = deployment({ env: [{ name: 'PROXY_IMAGE', value: 'org/proxy:1' }] });
    expect(explained('org/proxy:1', manifest)).toEqual([
      {
        template: 'app/templates/t0.yaml',
        document: 0,
        kind: 'Deployment',
        name: 'd',
        path: 'spec.template.spec.containers[0].env[0].value',
        text: 'org/proxy:1',
        taken: true,
        reference: 'docker.io/org/proxy:1',
        confidence: 'likely',
        how: 'env',
        evidence: 'key',
        key: 'PROXY_IMAGE',
        because: expect.stringContaining('`PROXY_IMAGE`'),
      },
    ]);
  });

  test.each<[string, string, Partial<Occurrence>]>([
    ['reg.io/own:1', deployment({}), { evidence: 'typed', how: 'pod-spec', confidence: 'certain' }],
    ['org/a:2.0', custom({ images: { web: 'org/a:2.0' } }), { evidence: 'context', key: 'images' }],
    ['quay.io/a/b:2', custom({ thing: 'quay.io/a/b:2' }), { evidence: 'none', how: 'custom-resource' }],
    [
      'quay.io/a/b:2',
      configMap(base64('x: 1\nimage: quay.io/a/b:2\n')),
      { within: 'base64 > yaml:image', key: 'image' },
    ],
    ['quay.io/a/b:2', configMap('run quay.io/a/b:2 # quay.io/a/b:2'), { within: 'word 2' }],
    ['org/a:v1', custom({ image: { repository: 'org/a', tag: 'v1' } }), { path: 'spec.image.repository' }],
    ['v7', custom({ image: { repository: 'org/a', tag: 'v7' } }), { path: 'spec.image.repository', text: 'org/a:v7' }],
    ['docker.io/library/redis', custom({ image: 'redis:7' }), { text: 'redis:7' }],
    ['docker', custom({ script: 'x', image: 'Docker', other: 'docker.io/a/b:1' }), { path: 'spec.other' }],
  ])('%s in %s', (text, manifest, expected) => {
    expect(explained(text, manifest)).toEqual([expect.objectContaining({ taken: true, ...expected })]);
  });

  test('is reported as possible with the reason', () => {
    const disabled = explained('redis', custom({ cache: { enabled: false, image: 'redis' } }));
    expect(disabled).toMatchObject([{ taken: true, confidence: 'possible', because: /disabled/ }].map(matching));
    const script = explained('org/a:v1.0', configMap('#!/bin/sh\nrun org/a:v1.0 now'));
    expect(script).toMatchObject([{ taken: true, confidence: 'possible', because: /script/ }].map(matching));
  });

  function matching<T extends { because: RegExp }>(expected: T): object {
    return { ...expected, because: expect.stringMatching(expected.because) };
  }
});

describe('a rejected text is reported with the reason', () => {
  const service = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {},
    spec: { externalName: 'a.io/b:1.0' },
  });
  const crd = JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    spec: { one: 'such as a.io/b:1', two: 'or a.io/b:1' },
  });
  test.each<[string, string, RegExp]>([
    ['github.com/a/b', custom({ module: 'github.com/a/b' }), /github\.com.*source code/],
    ['redis:6379', custom({ address: 'redis:6379' }), /`6379`.*port/],
    ['nginx', custom({ foo: 'nginx' }), /registry.*tag.*`foo`/],
    ['quay.io/a/b', custom({ foo: 'quay.io/a/b' }), /tag.*digest.*`foo`/],
    ['auto', custom({ image: 'auto' }), /`auto`.*placeholder/],
    ['img/logo.png', custom({ image: 'img/logo.png' }), /file name/],
    ['https://a.io/b:1', custom({ image: 'https://a.io/b:1' }), /URL/],
    ['a.io/B:1', custom({ image: 'a.io/B:1' }), /lower-case/],
    ['a.io/b:1.0', service, /Service.*pod specs/],
    ['a.io/b:1', crd, /schema/],
    ['a.io/b:1', configMap(`{"apiVersion":"v1","kind":"ClusterRole","x":"a.io/b:1"}`), /ClusterRole/],
    ['a.io/b:1', custom({ selector: { matchLabels: { image: 'a.io/b:1' } } }), /below `matchLabels`/],
    ['a.io/b:1', configMap('image: a.io/b:1', 'values.yaml.example'), /`values\.yaml\.example`.*example/],
    ['quay.io/a', custom({ image: { repository: 'quay.io/a', tag: '' } }), /`repository`.*part of a reference/],
    ['a.io/b:1', configMap('x = 1 # or a.io/b:1\nimage quay.io/c/d:1'), /comment/],
    ['my key', configMap('a: 1\nmy key: quay.io/c/d:1'), /key of the enclosing text/],
    ['dear', configMap('hello dear reader'), /not unpacked/],
    ['some/key', custom({ 'some/key': 1 }), /not in a text value/],
    ['x-name', JSON.stringify({ kind: 'Widget', metadata: { name: 'x-name' } }), /names and labels/],
    ['a.io/b:1', JSON.stringify({ kind: 'Widget', status: { image: 'a.io/b:1' } }), /`status`/],
    ['a.io/b:1', '- a.io/b:1', /YAML mapping/],
  ])('%s in %s', (text, manifest, reason) => {
    expect(because(text, manifest)).toMatch(reason);
  });

  test('names in code are not evidence', () => {
    expect(because('nginx', configMap('#!/bin/sh\nimage = nginx\nrun quay.io/c/d:1'))).toMatch(/`image`.*code/);
  });

  test('a manifest that is not parsed', () => {
    const manifest = (fields: string): string => `apiVersion: example.com/v1\nkind: Widget\nspec:\n${fields}`;
    expect(because('quay.io', manifest('  hub: quay.io\n  name: web\n  tag: v1.2'))).toMatch(/not parsed/);
    expect(because('postgres:16.1', manifest('  words: |\n    postgres:16.1\n'))).toMatch(/single word/);
  });
});

test('each location is reported once, with its innermost text', () => {
  const text = 'first quay.io/a/b:1\nsecond quay.io/a/b:1\n';
  expect(explained('quay.io/a/b:1', configMap(text)).map(({ within }) => within)).toEqual([
    'line 1 word 2',
    'line 2 word 2',
  ]);
});

test('of a Secret only the query is shown', () => {
  const secret = (stringData: object): string => JSON.stringify({ apiVersion: 'v1', kind: 'Secret', stringData });
  expect(explained('hunter', secret({ login: 'admin hunter2' }))).toMatchObject([{ text: 'hunter' }]);
  const texts = explained('admin', configMap('password=admin123 admin')).map((occurrence) => occurrence.text);
  expect(texts.join()).not.toContain('admin123');
});

test('a long line is cut around the text', () => {
  const [occurrence] = explained('needle', configMap(`${'x '.repeat(300)}needle${' y'.repeat(300)}`));
  expect(occurrence?.text).toMatch(/^...[x ]+needle[ y]+...$/);
  expect(occurrence?.text.length).toBeLessThan(200);
});

test('explanations and search accept the same references', () => {
  const leaf = fc.constantFrom(
    ...[
      'quay.io/a/b:1',
      'org/c:v1.2',
      'nginx',
      'redis:6379',
      'run quay.io/d/e:2 now',
      'github.com/a/b',
      '{"image": "x/y:1"}',
    ],
    ...['kind: Pod\nspec: {containers: [{image: "p/q:1"}]}', base64('image: quay.io/h/i:3 # base64')],
  );
  const key = fc.constantFrom(
    'image',
    'images',
    'foo',
    'tag',
    'repository',
    'labels',
    'containers',
    'enabled',
    'x.yaml',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.dictionary(key, tie('tree')),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.boolean(), (value, isConfig) => {
      const manifest = isConfig ? configMap(JSON.stringify(value)) : custom({ value });
      const documents = render(manifest);
      const keyOf = ({ path, within, reference, confidence }: Partial<Occurrence>): string =>
        JSON.stringify([path, within, reference, confidence]);
      const references = discoverReferences(documents, { chart: 'app', profile: 'default' });
      // Every reference has a slash once it is written in full.
      const taken = explainDocuments(documents, '/').filter((occurrence) => occurrence.taken);
      expect(new Set(taken.map(keyOf))).toEqual(new Set(references.map(keyOf)));
    }),
  );
});

const location = { template: 'app/templates/a.yaml', document: 0, kind: 'Deployment', name: 'd', path: 'spec.args[0]' };
const occurrence: Occurrence = { ...location, text: 'run org/web', taken: false, because: 'no tag' };
const located: LocatedReference = {
  ...location,
  chart: 'app',
  profile: 'default',
  how: 'influence',
  written: 'org/web',
  values: ['web.image'],
  reference: 'docker.io/org/web:latest',
  confidence: 'likely',
  need: 'operand',
};

test('a reference traced from marked values replaces the rejection at its location', () => {
  expect(withOtherEvidence([occurrence], [located], 'org/web')).toMatchObject([
    { taken: true, how: 'influence', because: expect.stringContaining('web.image') },
  ]);
});

test('other occurrences are unchanged, and references of rules and lists are added', () => {
  const otherArgument = { ...occurrence, path: 'spec.args[1]' };
  const rule: LocatedReference = { ...located, how: 'operator-rule', within: 'rule op: web' };
  const listed: LocatedReference = { ...located, how: 'declared' };
  const found = withOtherEvidence([otherArgument], [rule, listed, { ...located, how: 'env' }], 'library');
  expect(found).toEqual([otherArgument]);
  expect(withOtherEvidence([otherArgument], [rule, listed], 'web:latest').map(({ because }) => because)).toEqual([
    'no tag',
    expect.stringContaining('rule op: web'),
    expect.stringContaining('chart'),
  ]);
});
