import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImagePlace, PublicEcrImage, PublicEcrResult } from '../../src/inventory/public-ecr.ts';
import { writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { PINNED, pushSiteImages, writeSiteChart } from '../support/public-ecr-charts.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Equivalents in Public ECR: the classes, what the registries say, and the places in values files. */

const home = scratchFolder();
let upstream: TestRegistry;
let publicEcr: TestRegistry;
let access: string[];
let result: PublicEcrResult;

const imageOf = (reference: string, from = result): PublicEcrImage => {
  const found = from.images.find((image) => image.reference === reference);
  if (found === undefined) throw new Error(`${reference} is not among ${from.images.map((image) => image.reference)}`);
  return found;
};
/** Places as `file:line path`, and what becomes of each part. */
const placesOf = (reference: string, from = result): unknown[] =>
  imageOf(reference, from).places.map(({ file, inArchive, line, path, parts }: ImagePlace) => ({
    at: `${relative(home, file)}${inArchive === undefined ? '' : `!${inArchive}`}:${line} ${path}`.trim(),
    parts: parts.map(({ role, text, replacement }) => [role, text, replacement]),
  }));

beforeAll(async () => {
  [upstream, publicEcr] = [await startRegistry(), await startRegistry()];
  await Promise.all([pushSiteImages({ upstream, publicEcr }), writeSiteChart(home)]);
  const dead = `127.0.0.1:${await freePort()}`;
  access = [
    ...['--mirror', `docker.io=${upstream.host}/hub`, '--mirror', `quay.io=${upstream.host}/quay`],
    ...['--mirror', `public.ecr.aws=${publicEcr.host}`, '--mirror', `ghcr.io=${dead}`],
    ...[upstream.host, publicEcr.host, dead].flatMap((host) => ['--plain-http', host]),
  ];
  const { stdout } = await airgapOk(['public-ecr', 'site', ...access, '-o', 'json'], home, { cwd: home });
  result = JSON.parse(stdout);
});
afterAll(() => Promise.all([upstream.stop(), publicEcr.stop()]));

describe('public-ecr CHART', () => {
  test.each<[string, Partial<PublicEcrImage>]>([
    [
      'docker.io/library/nginx:1.27.5',
      {
        class: 'equivalent',
        status: 'verified',
        equivalent: 'public.ecr.aws/docker/library/nginx:1.27.5',
        role: 'runs',
        pinned: false,
        losesSignatures: false,
      },
    ],
    ['docker.io/library/alpine:3.21', { status: 'verified', role: 'helps' }],
    ['docker.io/library/bash:5', { status: 'verified', role: 'tests' }],
    ['docker.io/library/httpd:2.4', { status: 'verified', role: 'runs' }],
    ['docker.io/hashicorp/vault:1.19.3', { status: 'verified', losesSignatures: true }],
    [`docker.io/library/busybox:1.36@${PINNED}`, { status: 'verified', pinned: true, digest: PINNED as never }],
    [
      'quay.io/nginx/nginx-prometheus-exporter:1.4.2',
      {
        class: 'equivalent',
        status: 'different-digest',
        platforms: ['linux/amd64', 'linux/arm64'],
        equivalentPlatforms: ['linux/amd64', 'linux/arm64'],
      },
    ],
    [
      'docker.io/library/redis:8.0',
      {
        status: 'different-platforms',
        missingPlatforms: ['linux/arm64'],
        platforms: ['linux/amd64', 'linux/arm64'],
        equivalentPlatforms: ['linux/amd64'],
      },
    ],
    ['docker.io/library/postgres:16.9', { status: 'not-found' }],
    ['ghcr.io/aquasecurity/trivy:0.60.0', { class: 'equivalent', status: 'unconfirmed' }],
    ['docker.io/bitnami/kubectl:1.33.0', { class: 'retired' }],
    ['public.ecr.aws/eks/pause:3.10', { class: 'already', status: 'verified' }],
    ['docker.io/grafana/grafana:12.0.0', { class: 'none' }],
  ])('%s', (reference, expected) => {
    const image = imageOf(reference);
    expect(image).toMatchObject(expected);
    for (const key of ['status', 'equivalent', 'rule'] as const)
      if (expected.class === 'none') expect(image).not.toHaveProperty(key);
  });

  test('says where each image is named, and what to write there', () => {
    expect(placesOf('docker.io/library/nginx:1.27.5')).toEqual([
      {
        at: 'site/values.yaml:4 image.repository',
        parts: [
          ['registry', 'docker.io', 'public.ecr.aws'],
          ['repository', 'library/nginx', 'docker/library/nginx'],
          ['tag', '1.27.5', '1.27.5'],
        ],
      },
    ]);
    expect(placesOf('docker.io/hashicorp/vault:1.19.3')).toEqual([
      {
        at: 'site/values.yaml:15 vault.image',
        parts: [['reference', 'hashicorp/vault:1.19.3', 'public.ecr.aws/hashicorp/vault:1.19.3']],
      },
    ]);
    expect(placesOf(`docker.io/library/busybox:1.36@${PINNED}`)).toEqual([
      {
        at: 'site/values.yaml:25 pinned.image',
        parts: [['reference', `busybox:1.36@${PINNED}`, `public.ecr.aws/docker/library/busybox:1.36@${PINNED}`]],
      },
    ]);
    expect(placesOf('docker.io/library/alpine:3.21')).toEqual([
      {
        at: 'site/values.yaml:28 init.image.name',
        parts: [
          ['repository', 'alpine', 'public.ecr.aws/docker/library/alpine'],
          ['tag', '3.21', '3.21'],
        ],
      },
    ]);
  });

  test('names the files of subcharts, and changes nothing in archives', () => {
    const memcached = 'docker.io/library/memcached:1.6';
    const moved = 'public.ecr.aws/docker/library/memcached';
    expect(placesOf(memcached)).toEqual([
      { at: 'site/charts/cache/values.yaml:1 image', parts: [['repository', 'memcached', moved]] },
      { at: 'site/values.yaml:33 given.image', parts: [['repository', 'docker.io/memcached', moved]] },
      {
        at: 'site/charts/packed-1.0.0.tgz!packed/values.yaml:1 image',
        parts: [['repository', 'memcached', undefined]],
      },
    ]);
    expect(imageOf(memcached).unmapped).toEqual([
      expect.objectContaining({ template: 'site/charts/packed/templates/pod.yaml', object: 'Pod/packed' }),
    ]);
  });

  test('lists a name that a template writes, without a replacement', () => {
    const httpd = imageOf('docker.io/library/httpd:2.4');
    expect(placesOf('docker.io/library/httpd:2.4')).toEqual([
      { at: 'site/templates/deployment.yaml:33', parts: [['reference', 'httpd:2.4', undefined]] },
    ]);
    expect(httpd.places[0]?.kind).toBe('template');
    expect(httpd.unmapped).toHaveLength(1);
  });

  test('offers no replacement for what was not verified', () => {
    for (const { class: found, status, places } of result.images) {
      const isOffered = places.some(({ parts }) => parts.some(({ replacement }) => replacement !== undefined));
      if (found !== 'equivalent' || status !== 'verified') expect(isOffered).toBe(false);
    }
  });

  test('names chart, version and folder', () => {
    expect(result).toMatchObject({
      kind: 'PublicEcr',
      files: [],
      charts: [{ name: 'site', version: '1.2.3', folder: join(home, 'site') }],
    });
  });

  test('a table by what can be done, counts, and the next step', async () => {
    const run = await airgapOk(['public-ecr', 'site', ...access], home, { cwd: home });
    expectLine(
      run.stdout,
      'docker.io/library/nginx:1.27.5',
      'public.ecr.aws/docker/library/nginx:1.27.5',
      'values.yaml:4',
    );
    expectLine(run.stdout, 'docker.io/library/redis:8.0', 'linux/arm64', 'site/values.yaml:9 redis.image');
    expectLine(run.stdout, 'docker.io/bitnami/kubectl:1.33.0', '2026-06-10', 'bitnami/charts/issues/36537');
    expectLine(run.stdout, 'ghcr.io/aquasecurity/trivy:0.60.0', 'unconfirmed');
    expectLine(run.stdout, 'docker.io/grafana/grafana:12.0.0', 'site/values.yaml:23');
    expectLine(run.stderr, '14 images', /\b7 with\b/, /\b4 not\b/, /\b1 retired\b/);
    expectLine(run.stderr, 'hashicorp/vault:1.19.3', 'signed');
    expectLine(run.stderr, 'next:', 'public-ecr site', '--write');
  });

  test('Markdown for a pull request', async () => {
    const { stdout } = await airgapOk(['public-ecr', 'site', ...access, '-o', 'markdown'], home, { cwd: home });
    expectLine(
      stdout,
      /^\| docker\.io\/library\/nginx:1\.27\.5 \| public\.ecr\.aws\/docker\/library\/nginx:1\.27\.5 \|/,
    );
    expect(stdout).toMatch(/^\| --- \|/m);
  });
});

describe('a value that several images have', () => {
  const chart = (images: string): Record<string, string> => ({
    'Chart.yaml': 'apiVersion: v2\nname: several\nversion: 1.0.0\n',
    'values.yaml': `global:\n  registry: docker.io\nimages:\n${images}`,
    'templates/pods.yaml': `{{- range $i, $image := .Values.images }}
---
apiVersion: v1
kind: Pod
metadata: {name: "pod-{{ $i }}"}
spec:
  containers: [{name: one, image: "{{ $.Values.global.registry }}/{{ $image }}"}]
{{- end }}
`,
  });
  const run = async (images: string): Promise<PublicEcrResult> => {
    await writeFiles(join(home, 'several'), chart(images));
    return JSON.parse((await airgapOk(['public-ecr', 'several', ...access, '-o', 'json'], home, { cwd: home })).stdout);
  };

  test('is changed if all of them move', async () => {
    const all = await run('  - library/nginx:1.27.5\n  - hashicorp/vault:1.19.3\n');
    expect(placesOf('docker.io/library/nginx:1.27.5', all)).toEqual([
      {
        at: 'several/values.yaml:4 images[0]',
        parts: [
          ['registry', 'docker.io', 'public.ecr.aws'],
          ['reference', 'library/nginx:1.27.5', 'docker/library/nginx:1.27.5'],
        ],
      },
    ]);
    expect(placesOf('docker.io/hashicorp/vault:1.19.3', all)).toEqual([
      {
        at: 'several/values.yaml:5 images[1]',
        parts: [
          ['registry', 'docker.io', 'public.ecr.aws'],
          ['reference', 'hashicorp/vault:1.19.3', 'hashicorp/vault:1.19.3'],
        ],
      },
    ]);
  });

  test('stays if one of them stays, and the others are said to be unmapped', async () => {
    const some = await run('  - library/nginx:1.27.5\n  - grafana/grafana:12.0.0\n');
    const nginx = imageOf('docker.io/library/nginx:1.27.5', some);
    expect(nginx.places.flatMap(({ parts }) => parts.flatMap(({ replacement }) => replacement ?? []))).toEqual([]);
    expect(nginx.unmapped).toEqual([
      expect.objectContaining({ object: 'Pod/pod-0', reason: expect.stringMatching(/global\.registry.*grafana/) }),
    ]);
  });
});

test('an empty registry of all images stays empty, and the values that are set change', async () => {
  await writeFiles(join(home, 'defaults'), {
    'Chart.yaml': 'apiVersion: v2\nname: defaults\nversion: 1.0.0\n',
    'values.yaml': 'global:\n  imageRegistry: null\nimage:\n  registry: docker.io\n  repository: hashicorp/vault\n',
    'templates/pod.yaml': `apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
    - {name: a, image: "{{ .Values.global.imageRegistry | default .Values.image.registry }}/{{ .Values.image.repository }}:1.19.3"}
`,
  });
  const { stdout } = await airgapOk(['public-ecr', 'defaults', ...access, '-o', 'json'], home, { cwd: home });
  expect(placesOf('docker.io/hashicorp/vault:1.19.3', JSON.parse(stdout))).toEqual([
    {
      at: 'defaults/values.yaml:5 image.repository',
      parts: [
        ['registry', 'docker.io', 'public.ecr.aws'],
        ['repository', 'hashicorp/vault', 'hashicorp/vault'],
      ],
    },
  ]);
});

test('a subchart beside the chart, with two aliases', async () => {
  await writeFiles(join(home, 'two'), {
    'common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 1.0.0\n',
    'common/values.yaml': 'image: memcached:1.6\nother: alpine:3.21\n',
    'common/templates/pod.yaml':
      'kind: Pod\napiVersion: v1\nmetadata: {name: "{{ .Chart.Name }}"}\nspec:\n  containers: [{name: a, image: "{{ .Values.image }}"}, {name: b, image: "{{ .Values.other }}"}]\n',
    'app/Chart.yaml': `apiVersion: v2
name: app
version: 1.0.0
dependencies:
  - {name: common, version: 1.0.0, alias: first, repository: "file://../common"}
  - {name: common, version: 1.0.0, alias: second, repository: "file://../common"}
`,
    'app/values.yaml': 'second:\n  image: memcached:1.6\n',
  });
  const args = ['public-ecr', 'app', '--dependency-update', '--allow-chart-links', '..', ...access, '-o', 'json'];
  const two = JSON.parse((await airgapOk(args, home, { cwd: join(home, 'two') })).stdout);
  const moved = (name: string) => [['reference', name, `public.ecr.aws/docker/library/${name}`]];
  expect(placesOf('docker.io/library/memcached:1.6', two)).toEqual([
    { at: 'two/common/values.yaml:1 image', parts: moved('memcached:1.6') },
    { at: 'two/app/values.yaml:2 second.image', parts: moved('memcached:1.6') },
  ]);
  expect(placesOf('docker.io/library/alpine:3.21', two)).toEqual([
    { at: 'two/common/values.yaml:2 other', parts: moved('alpine:3.21') },
  ]);
});

describe('what was given for the render', () => {
  const json = async (...args: string[]): Promise<PublicEcrResult> =>
    JSON.parse((await airgapOk(['public-ecr', ...args, ...access, '-o', 'json'], home, { cwd: home })).stdout);

  test('a values file comes before that of the chart', async () => {
    await writeFiles(home, { 'prod.yaml': 'vault:\n  # newer\n  image: docker.io/hashicorp/vault:1.19.3\n' });
    expect(placesOf('docker.io/hashicorp/vault:1.19.3', await json('site', '-f', 'prod.yaml'))).toEqual([
      {
        at: 'prod.yaml:3 vault.image',
        parts: [['reference', 'docker.io/hashicorp/vault:1.19.3', 'public.ecr.aws/hashicorp/vault:1.19.3']],
      },
    ]);
  });

  test('a value of --set is in no file', async () => {
    const vault = imageOf(
      'docker.io/hashicorp/vault:1.19.3',
      await json('site', '--set', 'vault.image=docker.io/hashicorp/vault:1.19.3'),
    );
    expect(vault.places).toEqual([]);
    expect(vault.unmapped).toEqual([expect.objectContaining({ reason: expect.stringContaining('--set') })]);
  });

  test('a chart in an archive is named, and cannot be changed', async () => {
    await program(helmUnderTest(), ['package', join(home, 'site'), '-d', home], home);
    const packed = await json('site-1.2.3.tgz');
    expect(packed.charts[0]).not.toHaveProperty('folder');
    expect(placesOf('docker.io/hashicorp/vault:1.19.3', packed)).toEqual([
      {
        at: 'site-1.2.3.tgz!site/values.yaml:15 vault.image',
        parts: [['reference', 'hashicorp/vault:1.19.3', undefined]],
      },
    ]);
  });
});

describe('--values-files', () => {
  test('renders the chart beside a file, and reads other files by their keys', async () => {
    await writeFiles(join(home, 'repo'), {
      'charts/one/Chart.yaml': 'apiVersion: v2\nname: one\nversion: 1.0.0\n',
      'charts/one/values.yaml': 'image: nginx:1.27.5\n',
      'charts/one/values-extra.yaml': 'extra: alpine:3.21\n',
      'charts/one/templates/pod.yaml':
        'kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, image: "{{ .Values.image }}"}\n  - {name: b, image: "{{ .Values.extra | default "bash:5" }}"}\n',
      'charts/lib/Chart.yaml': 'apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n',
      'charts/lib/values.yaml': 'image: {registry: docker.io, repository: hashicorp/vault, tag: 1.19.3}\n',
      'charts/bare/values.yaml': `# comment\nredis:\n  image:\n    repository: redis\n    tag: "8.0"\njobs:\n  pinned: {image: "busybox@${PINNED}"}\n`,
    });
    const args = ['public-ecr', '--values-files', 'charts/*/values*.yaml', ...access, '-o', 'json'];
    const repo: PublicEcrResult = JSON.parse((await airgapOk(args, home, { cwd: join(home, 'repo') })).stdout);
    expect(repo.charts.map(({ name }) => name)).toEqual(['one']);
    expect(repo.files.map((file) => relative(home, file))).toEqual([
      'repo/charts/bare/values.yaml',
      'repo/charts/lib/values.yaml',
    ]);
    expect(placesOf('docker.io/library/nginx:1.27.5', repo)).toEqual([
      {
        at: 'repo/charts/one/values.yaml:1 image',
        parts: [['reference', 'nginx:1.27.5', 'public.ecr.aws/docker/library/nginx:1.27.5']],
      },
    ]);
    expect(placesOf('docker.io/library/alpine:3.21', repo)).toEqual([
      {
        at: 'repo/charts/one/values-extra.yaml:1 extra',
        parts: [['reference', 'alpine:3.21', 'public.ecr.aws/docker/library/alpine:3.21']],
      },
    ]);
    expect(placesOf('docker.io/hashicorp/vault:1.19.3', repo)).toEqual([
      {
        at: 'repo/charts/lib/values.yaml:1 image.repository',
        parts: [
          ['registry', 'docker.io', 'public.ecr.aws'],
          ['repository', 'hashicorp/vault', 'hashicorp/vault'],
          ['tag', '1.19.3', '1.19.3'],
        ],
      },
    ]);
    expect(placesOf('docker.io/library/redis:8.0', repo)).toEqual([
      {
        at: 'repo/charts/bare/values.yaml:4 redis.image.repository',
        parts: [
          ['repository', 'redis', undefined],
          ['tag', '8.0', undefined],
        ],
      },
    ]);
    expect(imageOf(`docker.io/library/busybox@${PINNED}`, repo)).toMatchObject({ status: 'verified', role: 'helps' });
  });

  test('refuses a glob without files, a file that is not YAML, and nothing at all', async () => {
    await writeFiles(home, { 'bad.yaml': 'a: b\nimage: [\n' });
    expect(await airgap(['public-ecr', '--values-files', 'none/*.yaml'], home, { cwd: home })).toMatchObject({
      code: 2,
    });
    const bad = await airgap(['public-ecr', '--values-files', 'bad.yaml'], home, { cwd: home });
    expect(bad.code).toBe(1);
    expectLine(bad.stderr, 'bad.yaml', /line [23]/);
    expect(await airgap(['public-ecr'], home, { cwd: home })).toMatchObject({ code: 2 });
  });
});

test('--offline asks nothing and verifies nothing', async () => {
  const { stdout } = await airgapOk(['public-ecr', 'site', '--offline', '-o', 'json'], home, { cwd: home });
  const offline: PublicEcrResult = JSON.parse(stdout);
  const asked = offline.images.filter(({ class: found }) => found === 'equivalent' || found === 'already');
  expect(asked.length).toBeGreaterThan(8);
  expect(new Set(asked.map(({ status }) => status))).toEqual(new Set(['unconfirmed']));
  expectFacts(readFileSync(join(home, 'site/values.yaml'), 'utf8'), 'docker.io # of all parts');
});
