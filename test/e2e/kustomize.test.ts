import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, printed, type Run } from '../support/cli.ts';
import { expectFacts } from '../support/facts.ts';
import { KUBECTL } from '../support/kubectl.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** values --update and check of kustomizations and manifests, with the real kubectl and registries. */

const home = scratchFolder();
const path = (name: string): string => join(home, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');
/** What kubectl needs to be found. */
const env = { PATH: `${KUBECTL === undefined ? '' : dirname(KUBECTL)}:${process.env.PATH}` };
const run = (...args: string[]): Promise<Run> => airgap(args, home, { env, cwd: home });
let upstream: TestRegistry;
let target: TestRegistry;
let to: string[];
let connected: string[];

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - {name: web, image: "quay.io/team/web:1"}
        - {name: old, image: "busybox:1.36", env: [{name: HELPER_IMAGE, value: "icr.io/team/helper:3"}]}
`;
const WEB = 'quay.io/team/web:1';
const HELPER = 'icr.io/team/helper:3';
const BUSYBOX = 'docker.io/library/busybox:1.36';

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  to = ['--to', `${target.host}/m`, '--plain-http', target.host];
  connected = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await fillUpstream(upstream.host, [WEB, HELPER, BUSYBOX]);
  await writeFiles(home, {
    'app/kustomization.yaml': 'resources: [web.yaml]\n',
    'app/web.yaml': deployment,
    'allowed.yaml': `- {image: "icr.io/team/*", namespace: shop, reason: the team brings it}\n- {image: "x.io/*", reason: old}\n`,
    'airgap.yaml': 'apiVersion: airgap/v1\nkind: Config\nkustomize: [app]\n',
    'bundled/kustomization.yaml': 'resources: [web.yaml]\n',
    'bundled/web.yaml': deployment.replace(/, env: .*\]/, ''),
  });
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

describe.skipIf(KUBECTL === undefined)('a kustomization', () => {
  test('is public, then changed, then checked: what no entry reaches is named, and may be allowed', async () => {
    const before = await run('check', '--kustomize', 'app', ...to, '-o', 'json');
    expect(before.code).toBe(3);
    const document = JSON.parse(before.stdout);
    expect(document.manifests).toEqual(['kustomize app']);
    expect(document.images.map(({ status }: { status: string }) => status)).toEqual(Array(3).fill('public-name'));
    expect(document.images[2].workloads).toMatchObject([
      { chart: 'kustomize app', kind: 'Deployment', name: 'web', namespace: 'shop', container: 'web' },
    ]);
    await airgapOk(['mirror', '--kustomize', 'app', ...connected, ...to], home, { env, cwd: home });
    const updated = await run('values', '--format', 'kustomize', '--update', 'app', ...to, '-o', 'json');
    expect(updated.code).toBe(3);
    expect(JSON.parse(updated.stdout)).toMatchObject({
      kind: 'KustomizationUpdate',
      files: [{ file: 'app/kustomization.yaml', changed: true, set: ['busybox', 'quay.io/team/web'] }],
      left: [expect.stringMatching(/^icr\.io\/team\/helper:3: .*Deployment web spec\..*env\[0\]\.value/)],
    });
    expect(JSON.parse(updated.stdout).files[0].text).toBe(read('app/kustomization.yaml'));
    const after = await run('check', '--kustomize', 'app', ...to);
    expect(after.code).toBe(3);
    expectFacts(after.stdout, 'public-name', HELPER, 'Deployment/web', 'env[0].value', '2 of 3 images');
    const config = await run('check', '--config', 'airgap.yaml', ...to, '-o', 'json');
    expect([config.code, JSON.parse(config.stdout).manifests]).toEqual([3, ['kustomize app']]);
    const accepted = await run('check', '--kustomize', 'app', ...to, '--allow-images', 'allowed.yaml');
    expect(accepted.code, printed(accepted)).toBe(0);
    expectFacts(printed(accepted), 'the team brings it', 'x.io/*', '2 of 2 images');
  });

  test('an image that is allowed, but not fixed, is a finding', async () => {
    const changed = deployment.replace(HELPER, 'icr.io/team/helper:latest').replace(WEB, `${target.host}/m/${WEB}`);
    await writeFiles(home, { 'loose.yaml': changed.replace('busybox:1.36', `${target.host}/m/${BUSYBOX}`) });
    const flags = ['--manifests', 'loose.yaml', ...to, '--allow-images', 'allowed.yaml'];
    const checked = await run('check', ...flags, '-o', 'json');
    expect(checked.code).toBe(3);
    const failed = JSON.parse(checked.stdout).images.filter(({ status }: { status: string }) => status !== 'ok');
    expect(failed).toMatchObject([
      { status: 'unpinned', reference: 'icr.io/team/helper:latest', workloads: [{ file: 'loose.yaml' }] },
    ]);
    expectFacts(printed(await run('check', ...flags)), 'unpinned', 'newTag');
  });

  test('gets the entries of a bundle that holds images only, which the bundle alone then shows to be whole', async () => {
    await airgapOk(['bundle', '--kustomize', 'bundled', ...connected, '--out', 'b.tar'], home, { env, cwd: home });
    const alone = await run('check', '--kustomize', 'bundled', '--bundle', 'b.tar');
    expect(alone.code, printed(alone)).toBe(0);
    const printedOnly = await run('values', '--bundle', 'b.tar', '--format', 'kustomize', ...to, '--no-check-target');
    expectFacts(printedOnly.stdout, 'name: busybox', 'name: quay.io/team/web');
    await airgapOk(['push', 'b.tar', ...to], home, { env, cwd: home });
    const update = ['values', '--format', 'kustomize', '--update', 'bundled/kustomization.yaml', ...to];
    expect((await run(...update, '--bundle', 'b.tar')).code).toBe(0);
    const checked = await run('check', '--kustomize', 'bundled', '--bundle', 'b.tar', ...to);
    expect(checked.code, printed(checked)).toBe(0);
    const text = read('bundled/kustomization.yaml');
    expect((await run(...update)).code).toBe(0);
    expect(read('bundled/kustomization.yaml')).toBe(text);
  });

  test('the other formats of references take kustomizations, manifests and lists', async () => {
    await writeFiles(home, { 'images.txt': `${WEB}\n`, 'web.yaml': deployment });
    const map = await run('values', '--images', 'images.txt', '--manifests', 'web.yaml', '--format', 'map', ...to);
    expect(Object.keys(JSON.parse(map.stdout))).toEqual([BUSYBOX, HELPER, WEB]);
    const list = await run('values', '--images', 'images.txt', '--format', 'kustomize', ...to);
    expectFacts(list.stdout, 'name: quay.io/team/web', `newName: ${target.host}/m/quay.io/team/web`);
  });

  test('bad input: exit code, file and line, hint; nothing is written', async () => {
    await writeFiles(home, {
      'good/kustomization.yaml': 'resources: [web.yaml]\n',
      'good/web.yaml': deployment,
      'gone/kustomization.yaml': 'resources: [gone.yaml]\n',
      'map/kustomization.yaml': 'resources: []\nimages:\n  nginx: x\n',
      'twice/kustomization.yaml': 'images:\n- name: a\n  newTag: "1"\n  newTag: "2"\n',
      'anchor/kustomization.yaml': 'images:\n- &a\n  name: a\n',
      'alias/kustomization.yaml': 'x: &a b\nkind: Kustomization\nimages:\n- name: *a\n',
      'values.yaml': 'replicas: 1\n',
      'pod/kustomization.yaml': deployment,
    });
    const update = (...files: string[]) => ['values', '--format', 'kustomize', ...to, '--update', 'good', ...files];
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [update('gone'), 1, /kustomize gone does not build: .*gone\.yaml/],
      [['check', ...to, '--kustomize', 'gone'], 1, /kustomize gone does not build: .*gone\.yaml/],
      [['check', ...to, '--kustomize', 'nowhere'], 2, /nowhere/],
      [update('map'), 2, /map\/kustomization\.yaml:3: images is not a list/],
      [update('twice'), 2, /twice\/kustomization\.yaml:4: /],
      [update('anchor'), 2, /anchor\/kustomization\.yaml:2: /],
      [update('alias'), 2, /alias\/kustomization\.yaml:4: /],
      [update('values.yaml'), 2, /values\.yaml is no kustomization/],
      [update('pod'), 2, /pod\/kustomization\.yaml:2: not a kustomization, .*Deployment/],
      [update('nowhere/kustomization.yaml'), 1, /nowhere\/kustomization\.yaml/],
      [update('nowhere'), 2, /nowhere/],
      [update('none/*'), 2, /none\/\*/],
      [['values', ...to, '--update', 'good'], 2, /--format kustomize/],
      [['values', ...to, '--kustomize', 'good'], 2, /--kustomize/],
      [['values', 'chart', ...to, '--kustomize', 'good', '--format', 'kustomize'], 2, /--kustomize/],
      [['values', '--format', 'kustomize', '--out', 'x.yaml', ...to, '--update', 'good'], 2, /--out/],
      [['check', '--live', '--kustomize', 'good', ...to], 2, /--kustomize/],
    ];
    for (const [args, code, words] of cases) {
      const failed = await run(...args);
      expect([failed.code, failed.stderr], args.join(' ')).toEqual([code, expect.stringMatching(words)]);
      expect(failed.stderr).toMatch(/Hint: /);
    }
    expect(read('good/kustomization.yaml')).toBe('resources: [web.yaml]\n');
  });
});
