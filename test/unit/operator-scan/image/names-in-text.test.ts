import { describe, expect, test } from 'vitest';
import { namesInFile } from '../../../../src/operator-scan/image/names-in-text.ts';
import { pathsOfNewestVersions } from '../../../../src/operator-scan/image/newest-versions.ts';

const location = { file: 'a.yaml', layer: 'sha256:1' };

function names(text: string): string[] {
  return namesInFile(text, location).map(({ reference, line, confidence }) => `${line} ${confidence} ${reference}`);
}

describe('namesInFile', () => {
  test('finds fields whose keys say image, and values with a registry and a version', () => {
    const text = `kind: Deployment
spec:
  containers:
    - image: busybox:1.36
    - name: x
      image: "quay.io/org/a@sha256:${'1'.repeat(64)}"
      env:
        - name: AGENT
          value: ghcr.io/org/agent:v1.2.3
      args: ["--reloader=quay.io/org/reloader:v2.0.0", "--port=8080"]
`;
    expect(names(text)).toEqual([
      '4 medium docker.io/library/busybox:1.36',
      `6 medium quay.io/org/a@sha256:${'1'.repeat(64)}`,
      '9 medium ghcr.io/org/agent:v1.2.3',
      '10 medium quay.io/org/reloader:v2.0.0',
    ]);
  });

  test('reads JSON, also on one line', () => {
    expect(names('{"a":{"image":"org/app:1.0"},"b":["quay.io/org/b:v1.0.0"],"c":"http://x/y:1"}')).toEqual([
      '1 medium docker.io/org/app:1.0',
      '1 medium quay.io/org/b:v1.0.0',
    ]);
  });

  test('gives low confidence to moving tags', () => {
    expect(names('image: quay.io/org/a:latest')).toEqual(['1 low quay.io/org/a:latest']);
  });

  test.each([
    '# image: quay.io/org/a:v1.0.0',
    'description: use image quay.io/org/a:v1.0.0',
    'description: |\n  image: quay.io/org/a:v1.0.0\n  more',
    '"example": "quay.io/org/a:v1.0.0"',
    'image: registry.example.com/org/a:v1.0.0',
    'url: https://quay.io/org/a:v1.0.0',
    'image: "{{ .Values.image }}:v1"',
    'imagePullPolicy: Always',
    'address: localhost:8080/x:1',
    'apiVersion: quay.io/v1',
    'image: $' + '{REPOSITORY}:v1',
  ])('finds none in %s', (text) => {
    expect(names(text)).toEqual([]);
  });

  test.each([
    ['image:\n  repository: org/app\n  tag: v1.2.3\n', ['3 medium docker.io/org/app:v1.2.3']],
    [
      '  registry: quay.io\n  repository: org/app\n  pullPolicy: Always\n  tag: "1.2"\n',
      ['4 medium quay.io/org/app:1.2'],
    ],
    ['- tag: v1.2.3\n  image: ghcr.io/org/app # x\n', ['1 medium ghcr.io/org/app:v1.2.3']],
    ['  "repository": "quay.io/org/app",\n  "tag": "v1.2.3"\n', ['2 medium quay.io/org/app:v1.2.3']],
    ['image:\r\n  repository: org/app\r\n  tag: v1.2.3\r\n', ['3 medium docker.io/org/app:v1.2.3']],
    [
      `images:\n- name: org/app\n  newName: quay.io/org/app\n  newTag: v1.2.3\n- name: x\n  newTag: v1\n`,
      ['4 medium quay.io/org/app:v1.2.3'],
    ],
    [
      `- name: quay.io/org/app\n  newTag: v1.2.3\n  digest: sha256:${'0a'.repeat(32)}\n`,
      [`2 medium quay.io/org/app:v1.2.3@sha256:${'0a'.repeat(32)}`],
    ],
    ['name: quay.io/org/app\ntag: v1.2.3\n', []],
    ['a:\n  repository: org/app\nb:\n  tag: v1.2.3\n', []],
    ['repository: org/app\ntag: ""\n', []],
    ['repository: app\ntag: v1.2.3\n', []],
    ['description: |\n  repository: org/app\n  tag: v1.2.3\n', []],
  ])('joins names split into several fields in %j', (text, found) => {
    expect(names(text)).toEqual(found);
  });

  test('scans a long document on one line in linear time', () => {
    const text = `{${'"apiVersion":"v1","items":[],'.repeat(100_000)}"x":1}`;
    const started = performance.now();
    expect(names(text)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('finds none in an example inside a description', () => {
    expect(names('description: |\n  Example:\n    image: quay.io/org/a:v1.0.0\n')).toEqual([]);
  });

  test('continues after a description', () => {
    expect(names('a:\n  description: |\n    text\n  image: quay.io/org/a:v1.0.0\n')).toEqual([
      '4 medium quay.io/org/a:v1.0.0',
    ]);
  });
});

describe('newestOf', () => {
  test('compares versions as numbers, in names of folders and files', () => {
    const paths = [
      'm/1.9.0/a.yaml',
      'm/1.10.0/a.yaml',
      'm/1.10.0/b.yaml',
      'x/crd-v1.2.yaml',
      'x/crd-v1.3.yaml',
      'y/z.yaml',
    ];
    expect([...pathsOfNewestVersions(paths)]).toEqual([
      'm/1.10.0/a.yaml',
      'm/1.10.0/b.yaml',
      'x/crd-v1.3.yaml',
      'y/z.yaml',
    ]);
  });

  test('compares within each folder separately', () => {
    expect([...pathsOfNewestVersions(['a/1.2/x.yaml', 'b/1.1/x.yaml'])]).toEqual(['a/1.2/x.yaml', 'b/1.1/x.yaml']);
  });
});
