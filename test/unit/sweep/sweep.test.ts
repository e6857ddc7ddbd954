import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { RegistryHosts } from '../../../src/sweep/hosts.ts';
import { type SweptName, sweep } from '../../../src/sweep/sweep.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function search(manifest: string, { hosts = [] as string[], shortNames = [] as string[] } = {}): SweptName[] {
  const isPrivate = (name: string) => name.startsWith('private.example/mirror');
  return sweep(splitDocuments(`---\n# Source: web/templates/a.yaml\n${manifest}\n`), {
    hosts: new RegistryHosts(hosts),
    shortNames,
    isPrivate,
  });
}

const configMap = (text: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { 'conf.txt': text } });
const found = (text: string, options = {}): string[] =>
  search(configMap(text), options).map(({ shape, text: name }) => `${shape} ${name}`);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the sweep finds', () => {
  it.each([
    ['a reference', 'run quay.io/acme/app:1.2 now', 'image quay.io/acme/app:1.2'],
    ['a digest', `ghcr.io/acme/app@${DIGEST}`, `image ghcr.io/acme/app@${DIGEST}`],
    ['a registry of a customer', 'x=acme.azurecr.io/a/b:1', 'image acme.azurecr.io/a/b:1'],
    [
      'ECR',
      'x=123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1',
      'image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1',
    ],
    ['a port', 'quay.io:443/a/b:1', 'image quay.io:443/a/b:1'],
    ['a scheme', 'docker://quay.io/a/b:1', 'image quay.io/a/b:1'],
    ['an OCI artifact', 'oci://ghcr.io/acme/charts', 'prefix ghcr.io/acme/charts'],
    ['a prefix', 'DB_URL=quay.io/acme', 'prefix quay.io/acme'],
    ['a prefix with a slash at its end', '--image-prefix=quay.io/acme/', 'prefix quay.io/acme'],
    ['a registry in a field for it', 'CONTAINER_REGISTRY=quay.io', 'prefix quay.io'],
    ['a registry in JSON', '{"imageRegistry": "quay.io"}', 'prefix quay.io'],
    ['a host alone', 'allow quay.io', 'bare quay.io'],
    ['all hosts of a domain', '*.quay.io', 'bare quay.io'],
    ['a pattern', 'glob "k8s.gcr.io/kube-scheduler:*"', 'bare k8s.gcr.io/kube-scheduler'],
    ['the address of a registry', 'https://quay.io', 'bare quay.io'],
    ['escaped slashes', '{"a": "quay.io\\/acme\\/app:1"}', 'image quay.io/acme/app:1'],
    ['escaped characters', 'quay\\u002eio/acme/app:1', 'image quay.io/acme/app:1'],
    ['a part of a URL', 'proxy?image=quay.io%2Facme%2Fapp:1', 'image quay.io/acme/app:1'],
    ['JSON in code', 'json.loads("{\\"image\\": \\"quay.io/acme/app\\"}")', 'prefix quay.io/acme/app'],
    ['base64', `x ${base64('image: quay.io/acme/app:1')} y`, 'image quay.io/acme/app:1'],
    ['base64 in base64', base64(base64('quay.io/acme/app:1 as it is')), 'image quay.io/acme/app:1'],
    ['a name of the default registry with a version', 'x acme/app:1.2.3 y', 'image acme/app:1.2.3'],
    [
      'a registry that nobody knows, with a version',
      'reg.example.com:5000/a/b:1.2',
      'image reg.example.com:5000/a/b:1.2',
    ],
  ])('%s', (_, text, expected) => {
    expect(found(text)).toEqual([expected]);
  });

  it('hosts and short names of the images found', () => {
    expect(found('x=reg.example.com/a/b', { hosts: ['reg.example.com:443'] })).toEqual(['prefix reg.example.com/a/b']);
    expect(found('image: acme/app', { shortNames: ['acme/app'] })).toEqual(['prefix acme/app']);
    expect(found('agent: acme/app', { shortNames: ['acme/app'] })).toEqual(['bare acme/app']);
    expect(found('run busybox:1.36', { shortNames: ['busybox:1.36'] })).toEqual(['image busybox:1.36']);
  });

  it('values of Secrets, binary data, keys and merged mappings', () => {
    const secret = `apiVersion: v1\nkind: Secret\ndata: {c: ${base64('REGISTRY=quay.io')}}`;
    expect(search(secret)).toMatchObject([{ path: 'data.c', within: 'base64', shape: 'prefix', text: 'quay.io' }]);
    expect(search('kind: A\nspec: {"quay.io/acme/app:1": x}')).toMatchObject([{ text: 'quay.io/acme/app:1' }]);
    const merged = 'kind: A\na: &a {image: "quay.io/a/b:1"}\nb: {<<: *a, c: d}';
    expect(search(merged).map(({ path }) => path)).toEqual(['a.image', 'b.image']);
  });

  it('names at their fields in documents within texts', () => {
    const text = 'a:\n  base: quay.io/acme\n  list: [ghcr.io/a/b:1]\n';
    expect(search(configMap(text))).toMatchObject([
      { path: 'data["conf.txt"]', within: 'yaml:a.base', text: 'quay.io/acme' },
      { path: 'data["conf.txt"]', within: 'yaml:a.list[0]', text: 'ghcr.io/a/b:1' },
    ]);
  });
});

describe('the sweep does not take for public names', () => {
  it.each([
    ['private names', 'private.example/mirror/quay.io/acme/app:1.2'],
    ['paths below other hosts', 'cache.example/quay.io/acme'],
    ['other hosts', 'notquay.io quay.io.example.com'],
    ['versions of words', 'kubernetes:1.30'],
    ['clusters', 'a.svc.cluster.local:8080/path'],
  ])('%s', (_, text) => {
    expect(found(text)).toEqual([]);
  });
});

describe('the sweep explains', () => {
  const crd = (schema: object): string =>
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      spec: { versions: [{ schema: { openAPIV3Schema: { properties: { spec: { properties: schema } } } } }] },
    });

  it.each([
    [
      'schema text',
      crd({ image: { description: 'such as quay.io/acme/app:1' } }),
      'schema text of a custom resource definition',
    ],
    [
      'a definition within a text',
      configMap(crd({ image: { example: 'quay.io/a/b' } })),
      'schema text of a custom resource definition',
    ],
    ['a comment', configMap('# was quay.io/acme/app:1\na: b\n'), 'a comment'],
    ['a comment at the end of a line', configMap('run // quay.io/acme/app:1'), 'a comment'],
    ['a description', configMap('description: pulls quay.io/acme/app:1\nb: c\n'), 'documentation'],
    [
      'a document',
      JSON.stringify({ kind: 'ConfigMap', data: { 'README.md': 'see quay.io/acme/app:1' } }),
      'documentation',
    ],
    [
      'a label',
      JSON.stringify({ kind: 'A', metadata: { labels: { a: 'quay.io' } } }),
      'a label or a descriptive annotation',
    ],
    [
      'an annotation',
      JSON.stringify({ kind: 'A', metadata: { annotations: { 'artifacthub.io/images': 'quay.io/a/b:1' } } }),
      'a label or a descriptive annotation',
    ],
    ['an e-mail address', configMap('mail robot@quay.io'), 'an e-mail address'],
    ['a path', configMap('mount /etc/containers/certs.d/quay.io'), undefined],
    [
      'a web page',
      configMap('https://quay.io/repository/acme/app'),
      'an address of the web pages or the API of a registry',
    ],
    ['an API', configMap('https://index.docker.io/v1/'), 'an address of the web pages or the API of a registry'],
    ['a status', JSON.stringify({ kind: 'A', status: { image: 'quay.io/a/b:1' } }), 'the status of an object'],
  ])('%s', (_, manifest, expected) => {
    const names = search(manifest);
    expect(names.map(({ explained }) => explained)).toEqual(expected === undefined ? [] : [expected]);
  });

  it('not a default of a schema, nor an annotation that operators read', () => {
    expect(search(crd({ image: { default: 'quay.io/acme/app:1' } }))[0]?.explained).toBeUndefined();
    const annotated = { kind: 'A', metadata: { annotations: { 'sidecar.acme.io/image': 'quay.io/a/b:1' } } };
    expect(search(JSON.stringify(annotated))).toMatchObject([{ shape: 'image' }]);
    expect(search(JSON.stringify(annotated))[0]?.explained).toBeUndefined();
  });
});
