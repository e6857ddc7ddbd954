import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PublicEcrWriting } from '../../src/workflows/public-ecr/writing/write.ts';
import { airgap, airgapOk, helmUnderTest, type Run } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { PINNED, pushSiteImages, writeSiteChart } from '../support/public-ecr-charts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** `public-ecr --write`: what is changed in which files, what is left, and how it is taken back. */

const home = scratchFolder();
let upstream: TestRegistry;
let publicEcr: TestRegistry;
let access: string[];
let cwd: string;

beforeAll(async () => {
  [upstream, publicEcr] = [await startRegistry(), await startRegistry()];
  await Promise.all([pushSiteImages({ upstream, publicEcr }), writeSiteChart(join(home, 'original'))]);
  access = [
    ...['--mirror', `docker.io=${upstream.host}/hub`, '--mirror', `quay.io=${upstream.host}/quay`],
    ...['--mirror', `public.ecr.aws=${publicEcr.host}`, '--mirror', `ghcr.io=${upstream.host}/ghcr`],
    ...[upstream.host, publicEcr.host].flatMap((host) => ['--plain-http', host]),
  ];
});
afterAll(() => Promise.all([upstream.stop(), publicEcr.stop()]));
beforeEach(() => {
  cwd = scratchFolder();
});

type Files = Readonly<Record<string, string>>;

function write(files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
}
const read = (path: string): string => readFileSync(join(cwd, path), 'utf8');
/** All files below the working folder. */
const tree = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(cwd, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(cwd, path)).isFile())
      .sort()
      .map((path) => [path, readFileSync(join(cwd, path), 'base64')]),
  );
const run = (...args: string[]): Promise<Run> => airgap(['public-ecr', ...args, ...access], home, { cwd });
async function writing(...args: string[]): Promise<PublicEcrWriting> {
  const { stdout } = await run(...args, '--write', '-o', 'json');
  return JSON.parse(stdout).writing;
}

const POD = `apiVersion: v1
kind: Pod
metadata: {name: app, labels: {helm.sh/chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"}}
spec: {containers: [{name: app, image: "{{ .Values.image }}"}]}
`;
const app = (values: string, template = POD, folder = 'app'): Files => ({
  [`${folder}/Chart.yaml`]: `apiVersion: v2\nname: ${folder.split('/').at(-1)}\nversion: 1.2.3 # raise me\n`,
  [`${folder}/values.yaml`]: values,
  [`${folder}/templates/pod.yaml`]: template,
});

const UNITTEST = `suite: pod
templates: [templates/pod.yaml]
tests:
  - it: has an image
    asserts:
      - equal: {path: 'spec.containers[0].image', value: nginx:1.27.5} # public
      - matchRegex: {path: 'spec.containers[0].image', pattern: '^nginx:.*$'}
      - equal: {path: 'metadata.labels["helm.sh/chart"]', value: app-1.2.3}
      - matchSnapshot: {}
  - it: takes another image
    set: {image: nginx:1.27.5}
    asserts:
      - equal: {path: 'spec.containers[0].image', value: nginx:1.27.5}
`;
const SNAPSHOT = `has an image:
  1: |
    apiVersion: v1
    kind: Pod
    metadata:
      labels:
        helm.sh/chart: app-1.2.3
      name: app
    spec:
      containers:
        - image: nginx:1.27.5
          name: app
`;

describe('a chart with images of every kind', () => {
  beforeEach(() => cpSync(join(home, 'original/site'), join(cwd, 'site'), { recursive: true }));

  test('gets verified equivalents, and nothing else changes', async () => {
    const before = read('site/values.yaml');
    const archive = readFileSync(join(cwd, 'site/charts/packed-1.0.0.tgz'));
    const { code, stdout, stderr } = await run('site', '--write');
    expect(code).toBe(0);
    expect(read('site/values.yaml')).toBe(
      before
        .replace('registry: docker.io #', 'registry: public.ecr.aws #')
        .replace('repository: library/nginx', 'repository: docker/library/nginx')
        .replace('image: busybox:', 'image: public.ecr.aws/docker/library/busybox:')
        .replace('name: alpine', 'name: public.ecr.aws/docker/library/alpine')
        .replace('image: bash:5', 'image: public.ecr.aws/docker/library/bash:5')
        .replace('image: docker.io/memcached', 'image: public.ecr.aws/docker/library/memcached'),
    );
    expect(read('site/values.yaml')).toContain(`@${PINNED}`);
    expect(read('site/charts/cache/values.yaml')).toBe('image: public.ecr.aws/docker/library/memcached\n');
    expect(readFileSync(join(cwd, 'site/charts/packed-1.0.0.tgz'))).toEqual(archive);
    expect(read('site/Chart.yaml')).toContain('version: 1.2.3\n');
    expect(stdout).toContain('+  registry: public.ecr.aws # of all parts\n');
    expectLine(stdout, 'site/values.yaml:15', 'hashicorp/vault:1.19.3', '--without-signatures');
    expectLine(stdout, 'site/templates/deployment.yaml:33', 'httpd:2.4');
    expectLine(stdout, 'site/charts/packed-1.0.0.tgz', 'memcached:1.6');
    expectLine(stdout, 'site/values.yaml:9', 'redis:8.0', 'linux/arm64');
    expectLine(stderr, 'site/Chart.yaml:3', '1.2.3', '--bump');
    expectLine(stderr, 'site', 'charts/cache');
    expectLine(stderr, 'git apply public-ecr.undo.patch');
  });

  test('is changed once, and taken back by git and by patch', async () => {
    const before = tree();
    await run('site', '--write', '--bump', 'minor');
    const changed = tree();
    expect(read('site/Chart.yaml')).toContain('version: 1.3.0\n');
    expect(await writing('site')).toMatchObject({ files: [], diff: '', images: [] });
    expect(tree()).toEqual(changed);
    for (const [program, ...args] of [
      ['git', 'apply', '../undo.patch'],
      ['patch', '-p1', '-i', '../undo.patch'],
    ] as const) {
      const copy = join(scratchFolder(), 'copy');
      cpSync(cwd, copy, { recursive: true });
      cpSync(join(cwd, 'public-ecr.undo.patch'), join(copy, '../undo.patch'));
      await execa(program, args, { cwd: copy });
      const { 'public-ecr.undo.patch': _, ...undone } = Object.fromEntries(
        Object.keys(changed).map((path) => [path, readFileSync(join(copy, path), 'base64')]),
      );
      expect(undone).toEqual(before);
    }
  });

  test('is not changed by --dry-run, which shows the same diff', async () => {
    const before = tree();
    const dry = await writing('site', '--dry-run', '--bump', 'patch');
    expect(dry).toMatchObject({ dryRun: true, files: { length: 4 } });
    expect(dry).not.toHaveProperty('undo');
    expect(tree()).toEqual(before);
    expect((await writing('site', '--bump', 'patch')).diff).toBe(dry.diff);
  });

  test('loses signatures only if asked to', async () => {
    const { images } = await writing('site', '--without-signatures');
    expect(images).toContainEqual({
      reference: 'docker.io/hashicorp/vault:1.19.3',
      equivalent: 'public.ecr.aws/hashicorp/vault:1.19.3',
      places: [join(cwd, 'site/values.yaml:15')],
    });
  });
});

describe('tests of helm-unittest', () => {
  test('expect the new names and versions', async () => {
    write({
      ...app('image: nginx:1.27.5\n'),
      'app/tests/pod_test.yaml': UNITTEST,
      'app/tests/__snapshot__/pod_test.yaml.snap': SNAPSHOT,
    });
    const { code, stdout } = await run('app', '--write', '--bump', 'patch');
    expect(code).toBe(0);
    const moved = 'public.ecr.aws/docker/library/nginx:1.27.5';
    expect(read('app/tests/pod_test.yaml')).toBe(
      UNITTEST.replace('value: nginx:1.27.5} # public', `value: ${moved}} # public`).replace('app-1.2.3', 'app-1.2.4'),
    );
    expect(read('app/tests/__snapshot__/pod_test.yaml.snap')).toBe(
      SNAPSHOT.replace('image: nginx:1.27.5', `image: ${moved}`).replace('app-1.2.3', 'app-1.2.4'),
    );
    expectLine(stdout, 'app/tests/pod_test.yaml:7', 'pattern');
    expect(read('app/Chart.yaml')).toContain('version: 1.2.4 # raise me\n');
  });
});

describe('all files or none', () => {
  test('if the render changes elsewhere', async () => {
    const template = `${POD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {length: "{{ len .Values.image }}"}\n`;
    write({ ...app('image: nginx:1.27.5\n', template), ...app('image: alpine:3.21\n', POD, 'other') });
    const before = tree();
    const { code, stderr } = await run('other', 'app', '--write');
    expect(code).toBe(1);
    expectLine(stderr, 'app', 'data.length', '"12"', '"42"');
    expect(tree()).toEqual(before);
  });

  test('if the changed chart does not pass helm lint', async () => {
    const schema = { properties: { image: { type: 'string', maxLength: 20 } } };
    write({ ...app('image: nginx:1.27.5\n'), 'app/values.schema.json': JSON.stringify(schema) });
    const before = tree();
    const { code, stderr } = await run('app', '--write');
    expect(code).toBe(1);
    expectLine(stderr, 'helm lint', 'image', '20');
    expect(tree()).toEqual(before);
    expect((await run('app', '--write', '--skip-schema-validation')).code).toBe(0);
  });

  test('if a version is no SemVer', async () => {
    write({ ...app('image: nginx:1.27.5\n'), ...app('image: alpine:3.21\n', POD, 'old') });
    write({ 'old/Chart.yaml': 'apiVersion: v2\nname: old\nversion: "1.2"\n' });
    const before = tree();
    const { code, stderr } = await run('app', 'old', '--write', '--bump', 'patch');
    expect(code).toBe(1);
    expectLine(stderr, 'old/Chart.yaml:3', '"1.2"');
    expect(tree()).toEqual(before);
  });

  test('if there is an undo patch', async () => {
    write({ ...app('image: nginx:1.27.5\n'), 'public-ecr.undo.patch': 'earlier' });
    const before = tree();
    expect((await run('app', '--write')).code).toBe(1);
    expect(tree()).toEqual(before);
    expect((await run('app', '--write', '--undo', 'other.patch')).code).toBe(0);
    expect(Object.keys(tree())).toContain('other.patch');
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('if the run ends by %s', async (signal) => {
    write(app('image: nginx:1.27.5\n'));
    const before = tree();
    const [helm, linting] = [join(home, 'slow-helm'), join(home, `linting-${signal}`)];
    // Ends with the run, which may not be able to end it.
    const wait = `[ "$1" = lint ] && { touch '${linting}'; while kill -0 $PPID 2>/dev/null; do sleep 0.1; done; exit 1; }`;
    writeFileSync(helm, `#!/bin/sh\n${wait}\nexec '${helmUnderTest()}' "$@"\n`, { mode: 0o755 });
    const when = vi.waitUntil(() => existsSync(linting), { timeout: 30_000, interval: 20 });
    const args = ['public-ecr', 'app', ...access, '--write'];
    const run = await airgap(args, home, { cwd, env: { HELM_BIN: helm }, interruptAt: { signal, when } });
    expect(run.code).not.toBe(0);
    expect(tree()).toEqual(before);
  });
});

describe('values files', () => {
  test('keep comments, quotes, Windows line ends, and the working folder is not put into the chart', async () => {
    const values = '# a\r\nimage:   "nginx:1.27.5"   # b\r\nother: {a: [1,2]}';
    write(app(values));
    const { code, stderr } = await airgap(['public-ecr', '.', ...access, '--write'], home, { cwd: join(cwd, 'app') });
    expect(code).toBe(0);
    expect(read('app/values.yaml')).toBe(values.replace('nginx:', 'public.ecr.aws/docker/library/nginx:'));
    expect(existsSync(join(cwd, 'public-ecr.undo.patch'))).toBe(true);
    expectLine(stderr, 'to undo:', join(cwd, 'public-ecr.undo.patch'));
    await execa('git', ['apply', '../public-ecr.undo.patch'], { cwd: join(cwd, 'app') });
    expect(read('app/values.yaml')).toBe(values);
  });

  test.each([
    ['a key that occurs twice', 'image: nginx:1.27.5\nimage: nginx:1.27.5\n', 2],
    ['an anchor that is used', 'image: &image nginx:1.27.5\nother: *image\n', 1],
    ['a tag', 'image: !!str nginx:1.27.5\n', 1],
    ['a folded text', 'image: >-\n  nginx:1.27.5\n', 0],
  ])('are left if they cannot be changed in place: %s', async (_, values, line) => {
    write({ ...app(values), ...app('image: alpine:3.21\n', POD, 'other') });
    const { code, stdout } = await run('app', 'other', '--write');
    if (line === 0) expect(read('app/values.yaml')).toContain('public.ecr.aws');
    else {
      expect(code).toBe(3);
      expectLine(stdout, `app/values.yaml:${line}`, 'nginx:1.27.5');
      expect(read('app/values.yaml')).toBe(values);
    }
    expect(read('other/values.yaml')).toBe('image: public.ecr.aws/docker/library/alpine:3.21\n');
  });

  test('are found by a glob, beside charts and alone; parents of changed charts are named', async () => {
    write({
      ...app('image: nginx:1.27.5\n', POD, 'charts/web'),
      'charts/web/values-dev.yaml': '# dev\nimage: nginx:1.27.5\n',
      'bare/values.yaml': 'job:\n  image: alpine:3.21\n',
      'stack/Chart.yaml':
        'apiVersion: v2\nname: stack\nversion: 2.0.0\ndependencies: [{name: web, version: 1.2.3, repository: "file://../charts/web"}]\n',
      'stack/Chart.lock': '',
    });
    const globs = ['--values-files', 'charts/*/values*.yaml', 'bare/*.yaml'];
    const result = await writing(...globs, '--bump', 'patch');
    expect(result).toMatchObject({
      files: ['bare/values.yaml', 'charts/web/Chart.yaml', 'charts/web/values-dev.yaml', 'charts/web/values.yaml'].map(
        (path) => join(cwd, path),
      ),
      versions: [{ name: 'web', version: '1.2.3', bumped: '1.2.4' }],
      parents: [{ name: 'stack', on: 'web', outdated: ['Chart.yaml wants web 1.2.3', 'Chart.lock'] }],
      unproved: [join(cwd, 'bare/values.yaml')],
    });
    expect(read('charts/web/values-dev.yaml')).toBe('# dev\nimage: public.ecr.aws/docker/library/nginx:1.27.5\n');
  });
});

describe('files outside the chart', () => {
  test('values of the user for a chart in an archive', async () => {
    write({ ...app('image: alpine:3.21\n'), 'prod.yaml': '# ours\nimage: nginx:1.27.5 # pinned\n' });
    await execa(helmUnderTest(), ['package', 'app'], { cwd });
    const result = await writing('app-1.2.3.tgz', '-f', 'prod.yaml');
    expect(result).toMatchObject({ files: [join(cwd, 'prod.yaml')], versions: [], unproved: [] });
    expect(read('prod.yaml')).toBe('# ours\nimage: public.ecr.aws/docker/library/nginx:1.27.5 # pinned\n');
  });

  test('values of a chart that another one has by file://', async () => {
    write({
      ...app('image: nginx:1.27.5\n'),
      ...app('image: alpine:3.21\n', POD.replaceAll('name: app', 'name: db'), 'db'),
      'app/Chart.yaml':
        'apiVersion: v2\nname: app\nversion: 1.2.3\ndependencies: [{name: db, alias: store, version: ^1.0.0, repository: "file://../db"}]\n',
    });
    await execa(helmUnderTest(), ['dependency', 'update', 'app'], { cwd });
    const result = await writing('app', '--bump', 'patch');
    expect(result).toMatchObject({
      files: ['app/Chart.yaml', 'app/values.yaml', 'db/Chart.yaml', 'db/values.yaml'].map((path) => join(cwd, path)),
      parents: [{ name: 'app', on: 'db', outdated: ['Chart.lock', 'charts/db-1.2.3.tgz'] }],
      unproved: [],
      notWritten: [],
    });
    expect(read('db/values.yaml')).toBe('image: public.ecr.aws/docker/library/alpine:3.21\n');
  });
});

test.each([
  ['--dry-run'],
  ['--bump', 'patch'],
  ['--undo', 'a.patch'],
  ['--write', '--offline'],
  ['--write', '--bump', 'major'],
])('flags that do not belong together are refused: %s', async (...flags) => {
  write(app('image: nginx:1.27.5\n'));
  expect((await run('app', ...flags)).code).toBe(2);
});

test('what is written needs no second run', async () => {
  write(app('image: nginx:1.27.5\n'));
  await airgapOk(['public-ecr', 'app', ...access, '--write'], home, { cwd });
  const { stdout } = await airgapOk(['public-ecr', 'app', ...access, '-o', 'json'], home, { cwd });
  expect(JSON.parse(stdout).images).toMatchObject([
    { reference: 'public.ecr.aws/docker/library/nginx:1.27.5', class: 'already', status: 'verified' },
  ]);
});
