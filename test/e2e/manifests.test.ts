import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fixtureChart, writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { expectFacts } from '../support/facts.ts';
import { KUBECTL, WITHOUT_KUBECTL } from '../support/kubectl.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Kustomizations and plain manifests as sources, with the real kubectl and registries. */

const home = scratchFolder();
let upstream: TestRegistry;
let target: TestRegistry;
let connected: string[];

const WEB = 'quay.io/team/web:1.2';
const SIDECAR = 'docker.io/library/busybox:1.36';
const HELPER = 'icr.io/team/helper:3';
const JOB = 'docker.io/library/alpine:3.20';

const deployment = (extra = '') => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers: [{name: wait, image: busybox}]
      containers:
        - name: web
          image: quay.io/team/web:1.0
          env: [{name: HELPER_IMAGE, value: "${HELPER}"}]
${extra}`;

/** What kubectl needs to be found. Without kubectl, these tests are listed as not run. */
const env = { PATH: `${KUBECTL === undefined ? '' : dirname(KUBECTL)}:${process.env.PATH}` };

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  connected = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await fillUpstream(upstream.host, [WEB, SIDECAR, HELPER, JOB]);
  await writeFiles(home, {
    'base/kustomization.yaml': 'resources: [web.yaml]\n',
    'base/web.yaml': deployment(),
    'overlays/prod/kustomization.yaml': `resources: [../../base]
images:
  - {name: quay.io/team/web, newTag: "1.2"}
  - {name: busybox, newTag: "1.36"}
`,
    'jobs/job.yaml': `apiVersion: batch/v1
kind: CronJob
metadata: {name: clean}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: clean, image: "alpine:3.20"}]}}}}}
`,
    'airgap.yaml': 'apiVersion: airgap/v1\nkind: Config\nkustomize: [overlays/prod]\nmanifests: [jobs]\n',
  });
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

const to = (prefix: string): string[] => ['--to', `${target.host}/${prefix}`, '--plain-http', target.host];
const run = (args: readonly string[]) => airgapOk(args, home, { env });
const json = async (args: readonly string[]) => JSON.parse((await run([...args, '-o', 'json'])).stdout);

describe('a kustomization and a folder of manifests', () => {
  beforeEach((context) => context.skip(WITHOUT_KUBECTL !== undefined, WITHOUT_KUBECTL));

  test('their images, as built', async () => {
    const config = join(home, 'airgap.yaml');
    const found = await json(['images', '--config', config]);
    expect(found.images.map(({ reference }: { reference: string }) => reference)).toEqual([JOB, SIDECAR, HELPER, WEB]);
    expect(found.manifests).toEqual(['kustomize overlays/prod', 'manifests jobs']);
    const [clean, , , web] = found.images;
    expect(clean.found[0]).toMatchObject({ chart: 'manifests jobs', template: 'job.yaml', kind: 'CronJob' });
    expect(web.found[0]).toMatchObject({ chart: 'kustomize overlays/prod', template: '', written: WEB });
  });

  test('bundle and push, and mirror, carry the same; a second mirror sends nothing', async () => {
    const config = ['--config', join(home, 'airgap.yaml')];
    const bundle = join(home, 'app.tar');
    await run(['bundle', ...config, ...connected, '--out', bundle]);
    await run(['push', bundle, ...to('pushed')]);
    await run(['mirror', ...config, ...connected, ...to('mirrored')]);
    expect(tagsOf(target, 'mirrored')).toHaveLength(4);
    expect(tagsOf(target, 'mirrored')).toEqual(tagsOf(target, 'pushed'));
    expect(treeOf(target, 'mirrored')).toEqual(treeOf(target, 'pushed'));
    expect(await json(['mirror', ...config, ...connected, ...to('mirrored')])).toMatchObject({ bytes: 0 });
    const inspected = await run(['inspect', bundle, '-o', 'json']);
    expectFacts(inspected.stdout, 'kustomize overlays/prod', 'manifests jobs');
  });

  test('a lock file of them gives the same bundle', async () => {
    const sources = ['--kustomize', join(home, 'overlays/prod'), '--manifests', join(home, 'jobs')];
    const lock = join(home, 'airgap.lock');
    await run(['images', ...sources, ...connected, '--lock', lock]);
    await run(['images', ...sources, ...connected, '--check-lock', lock]);
    await run(['bundle', '--lock', lock, ...connected, '--out', join(home, 'locked.tar')]);
    const locked = await json(['inspect', join(home, 'locked.tar')]);
    expect(locked.images).toHaveLength(4);
  });

  test('an image that is missing is named with its place', async () => {
    await writeFiles(home, { 'gone/x.yaml': deployment().replaceAll('quay.io/team/web:1.0', 'quay.io/team/gone:1') });
    const args = ['bundle', '--manifests', join(home, 'gone'), ...connected, '--out', join(home, 'gone.tar')];
    const failed = await airgap(args, home, { env });
    expect(failed.code).toBe(1);
    expectFacts(failed.stderr, 'quay.io/team/gone:1', 'manifests gone', 'x.yaml');
  });
});

test('the charts that manifests install are searched and bundled', async () => {
  const archives = join(home, 'archives');
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', archives], home);
  const application = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec: {source: {repoURL: "https://charts.invalid/stable", chart: shop, targetRevision: 1.4.0}}
`;
  const args = [
    'images',
    '--manifests',
    '-',
    '--chart-mirror',
    `https://charts.invalid/stable=${archives}`,
    '-o',
    'json',
  ];
  const found = JSON.parse((await airgapOk(args, home, { input: application })).stdout);
  expect(found.charts).toMatchObject([
    { name: 'shop', version: '1.4.0', via: { chart: 'manifests -', kind: 'Application' } },
  ]);
  expect(found.images.length).toBeGreaterThan(0);
  const without = await airgap([...args, '--no-nested-charts'], home, { input: application });
  expect(JSON.parse(without.stdout).images).toEqual([]);
});

test('bad input: exit code, place and hint', async () => {
  writeFileSync(join(home, 'broken.yaml'), 'apiVersion: v1\nkind: Pod\nmetadata: {name: a\n');
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [['--manifests', join(home, 'broken.yaml')], 1, /broken\.yaml, line \d/],
    [['--manifests', join(home, 'nothing')], 2, /nothing/],
    [['--kustomize', join(home, 'jobs')], 1, /jobs/],
    [['--kustomize', join(home, 'broken.yaml')], 2, /not a folder/],
  ];
  for (const [args, code, words] of cases) {
    const failed = await airgap(['images', ...args], home, { env });
    expect([failed.code, failed.stderr], args.join(' ')).toEqual([code, expect.stringMatching(words)]);
    expect(failed.stderr).toMatch(/Hint: /);
  }
  expect(readFileSync(join(home, 'broken.yaml'), 'utf8')).toContain('kind: Pod');
});
