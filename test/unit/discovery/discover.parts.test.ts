import { describe, expect, it } from 'vitest';
import { discoverReferences } from '../../../src/discovery/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';

/** References whose parts are at several levels, and what only looks like one. */

function find(manifest: string): Record<string, string> {
  const documents = splitDocuments(`---\n# Source: web/templates/a.yaml\n${manifest}\n`);
  const found = discoverReferences(documents, { chart: 'web', profile: 'default' });
  return Object.fromEntries(found.map(({ reference, confidence }) => [reference, confidence]));
}

const configMap = (text: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  conf.yaml: |\n${text.replace(/^/gm, '    ')}`;
const variables = (entries: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: {
      containers: [{ image: 'reg.io/own:1', env: Object.entries(entries).map(([name, value]) => ({ name, value })) }],
    },
  });

describe('parts at several levels', () => {
  it.each<[string, string, string[]]>([
    [
      'a base above components',
      'base: quay.io/acme\ncomponents:\n  s: {tag: v1, image: server}',
      ['quay.io/acme/server:v1'],
    ],
    [
      'a registry above',
      'imageRegistry: quay.io\nimages:\n  s: {name: acme/server, tag: v1}',
      ['quay.io/acme/server:v1'],
    ],
    ['hub and tag', 'hub: docker.io/istio\ntag: "1.2"\nproxy: {image: proxyv2}', ['docker.io/istio/proxyv2:1.2']],
    [
      'a registry in global',
      'global: {registry: quay.io}\nui: {image: {repository: acme/ui, tag: v1}}',
      ['quay.io/acme/ui:v1'],
    ],
    [
      'an inner base before an outer one',
      'base: quay.io/acme\ncomponents:\n  s: {base: ghcr.io/other, tag: v1, image: server}',
      ['ghcr.io/other/server:v1'],
    ],
    [
      'the tag of a component for its variants',
      'base: quay.io/acme\ncomponents:\n  s:\n    tag: v1\n    image: a\n    match: [{os: x, image: b}]',
      ['quay.io/acme/a:v1', 'quay.io/acme/b:v1'],
    ],
    ['a complete name below a base', 'base: quay.io/acme\nc: {image: ghcr.io/x/y, tag: v1}', ['ghcr.io/x/y:v1']],
    [
      'a version with words of its own',
      'image: acme/explainer\ndefaultImageVersion: v2.0',
      ['docker.io/acme/explainer:v2.0'],
    ],
  ])('%s', (_, text, expected) => {
    expect(find(configMap(text))).toEqual(Object.fromEntries(expected.map((reference) => [reference, 'likely'])));
  });

  it('are parts by their places: a registry in another text has the whole place', () => {
    const manifest = variables({
      CONTAINER_REGISTRY: 'quay.io',
      CONFIG: '{"ui": {"image": {"name": "acme/ui", "tag": "1.0"}}}',
    });
    const documents = splitDocuments(`---\n# Source: web/templates/a.yaml\n${manifest}\n`);
    const found = discoverReferences(documents, { chart: 'web', profile: 'default' });
    expect(found.find(({ reference }) => reference === 'quay.io/acme/ui:1.0')).toMatchObject({
      confidence: 'likely',
      within: 'json:ui.image.name',
      parts: [
        { role: 'registry', at: { path: 'spec.containers[0].env[0].value' }, text: 'quay.io' },
        { role: 'image', path: 'json:ui.image.name' },
        { role: 'tag', path: 'json:ui.image.tag' },
      ],
    });
  });

  it('names and tags of variables belong together', () => {
    const found = find(variables({ RELATED_IMAGE_X_NAME: 'quay.io/acme/x', RELATED_IMAGE_X_TAG: '1.0' }));
    expect(found).toEqual({ 'reg.io/own:1': 'certain', 'quay.io/acme/x:1.0': 'likely' });
  });

  it('JSON in code is read', () => {
    const text =
      'import json\nP = json.loads("{\\"image\\":{\\"name\\":\\"ghcr.io/acme/worker\\",\\"tag\\":\\"1.0\\"}}")';
    expect(find(configMap(text))).toEqual({ 'ghcr.io/acme/worker:1.0': 'likely' });
  });
});

describe('what is only possible', () => {
  it.each([
    ['one word', 'image: server', 'docker.io/library/server:latest'],
    ['one word and a tag', 'components: {s: {image: server, tag: v1}}', 'docker.io/library/server:v1'],
    [
      'one word below what is no registry',
      'base: /opt/acme\nc: {image: server, tag: v1}',
      'docker.io/library/server:v1',
    ],
  ])('%s in a configuration', (_, text, reference) => {
    expect(find(configMap(text))).toEqual({ [reference]: 'possible' });
  });

  it('one word with its own tag and a key that names an image is likely', () => {
    expect(find(configMap('image: busybox:1.36'))).toEqual({ 'docker.io/library/busybox:1.36': 'likely' });
  });
});

describe('what is no image', () => {
  it.each([
    ['a repository of source code', 'content:\n  git: {host: git.example.com, repository: docs/handbook, tag: v1.4.0}'],
    ['one by its key', 'gitRepository: docs/handbook\ngitTag: v1.4.0'],
    ['one by its branch', 'docs: {repository: acme/handbook, tag: v1, branch: main}'],
    ['one by its address', 'docs: {url: "https://github.com/acme/handbook.git", repository: acme/handbook, tag: v1}'],
    ['a host of source code', 'sourceImage: github.com/acme/handbook'],
    ['coordinates of a package', 'plugin: org.acme.maven/plugin\nversion: 1.2.3'],
    ['a model', 'model: {repository: meta-llama, name: llama}'],
    ['a topic', 'topic: {name: orders, version: v2}'],
  ])('%s', (_, text) => {
    expect(find(configMap(text))).toEqual({});
  });

  it('variables of source code', () => {
    expect(find(variables({ GIT_REPOSITORY: 'acme/handbook', GIT_TAG: 'v1' }))).toEqual({ 'reg.io/own:1': 'certain' });
  });

  it('not: an image of a program that has a path', () => {
    const text = 'server: {repository: quay.io/acme/server, tag: v1, path: /api}';
    expect(find(configMap(text))).toEqual({ 'quay.io/acme/server:v1': 'likely' });
  });

  it('not: an image of git', () => {
    expect(find(configMap('git: {image: {repository: alpine/git, tag: "2.40"}}'))).toEqual({
      'docker.io/alpine/git:2.40': 'likely',
    });
  });
});

describe('defaults of custom resource definitions', () => {
  const crd = (properties: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.acme.io}
spec:
  group: acme.io
  names: {kind: Widget}
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
${properties.replace(/^/gm, '              ')}
`;

  it.each<[string, string, Record<string, string>]>([
    [
      'a name',
      'reloaderImage: {type: string, default: "acme/reloader:0.0.2"}',
      { 'docker.io/acme/reloader:0.0.2': 'likely' },
    ],
    [
      'parts',
      'image:\n  type: object\n  properties:\n    repository: {type: string, default: quay.io/acme/x}\n    tag: {type: string, default: "1.0"}',
      { 'quay.io/acme/x:1.0': 'likely' },
    ],
    ['one word', 'image: {type: string, default: "server:1.0"}', { 'docker.io/library/server:1.0': 'possible' }],
    [
      'a policy',
      'imagePullPolicy: {type: string, default: IfNotPresent}\nurl: {type: string, default: "http://x/y"}',
      {},
    ],
  ])('%s', (_, properties, expected) => {
    expect(find(crd(properties))).toEqual(expected);
  });
});
