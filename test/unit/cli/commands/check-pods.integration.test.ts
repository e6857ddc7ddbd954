import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { fakeKubectl } from '../../../support/kubectl.ts';
import { CLUSTER, CLUSTER_TARGET, podList } from '../../../support/pods.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

/** Flags and output of the checks that use a cluster. The cluster itself is that of test/cluster. */

const folder = scratchFolder();
const pods = join(folder, 'pods.json');
const good = join(folder, 'good.json');
const allowed = join(folder, 'allowed.yaml');
writeFileSync(pods, podList(CLUSTER));
writeFileSync(good, podList(CLUSTER.slice(0, 1)));
writeFileSync(allowed, '- {image: "*", reason: is a test}\n');

const helm = HELMS.find(({ path }) => path !== undefined)?.path;
const env = { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder };
const check = (args: readonly string[], more: Record<string, string | undefined> = {}): Promise<Ended> =>
  airgap(['check', ...args], { ...env, ...more }, folder);
const to = ['--to', CLUSTER_TARGET];

describe('check --pods', () => {
  it('ends with 3 if an image is not the target’s, and prints tables on stdout', async () => {
    const found = await check(['--pods', pods, ...to]);
    expect(found).toMatchObject({ code: 3, out: expect.stringContaining('apps/broken-k76pr') });
    expect(found.err).toContain('--allow-images');
  });

  it('ends with 0 if all are, or are allowed', async () => {
    expect(await check(['--pods', good, ...to])).toMatchObject({ code: 0 });
    const found = await check(['--pods', pods, ...to, '--allow-images', allowed]);
    expect(found).toMatchObject({ code: 0, err: expect.stringContaining('is a test') });
  });

  it('prints one document with -o json', async () => {
    const found = await check(['--pods', pods, ...to, '-o', 'json']);
    expect(found).toMatchObject({ code: 3, err: '' });
    expect(JSON.parse(found.out)).toMatchObject({ apiVersion: 'airgap/v1', kind: 'PodCheck', ok: false });
  });

  it('takes the naming of a configuration file', async () => {
    const config = join(folder, 'airgap.yaml');
    writeFileSync(config, 'apiVersion: airgap/v1\nkind: Config\nnaming: {default: path}\n');
    expect(await check(['--pods', good, ...to, '--config', config])).toMatchObject({ code: 0 });
  });

  it.each<[string, string[]]>([
    ['without a target', ['--pods', pods]],
    ['with a chart', ['app', '--pods', pods, ...to]],
    ['with both sources', ['--pods', pods, '--live', ...to]],
    ['with flags of the check before the install', ['--pods', pods, ...to, '--platform', 'linux/arm64']],
    ['with a list of allowed images and no target', ['app', '--bundle', 'app.tar', '--allow-images', allowed]],
    ['with a file that is none', ['--pods', allowed, ...to]],
  ])('refuses wrong usage: %s', async (_, args) => {
    expect(await check(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Hint:') });
  });
});

describe('check of charts with a list of allowed images', () => {
  const pod = (image: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: "${image}"}]}\n`;

  it.each([
    { title: 'accepts these', image: 'nginx:1.27', code: 0, says: 'is a test' },
    { title: 'accepts none whose tag may change', image: 'nginx', code: 3, says: 'unpinned' },
  ])('$title', async ({ image, code, says }) => {
    const home = await writeFiles(scratchFolder(), {
      'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'app/templates/pod.yaml': pod(image),
    });
    const found = await airgap(['check', './app', ...to, '--allow-images', allowed], env, home);
    expect(found, found.err).toMatchObject({ code });
    expect(found.out + found.err).toContain(says);
  });
});

describe('check --live', () => {
  it('asks the cluster that the flags name', async () => {
    const { env: fake, calls } = fakeKubectl({ stdout: podList(CLUSTER.slice(0, 1)) });
    const found = await check(['--live', ...to, '--context', 'prod'], fake);
    expect(found, found.err).toMatchObject({ code: 0 });
    expect(calls()).toEqual([expect.arrayContaining(['--context=prod', 'pods'])]);
  });

  it('says in one sentence that the cluster refuses', async () => {
    const { env: fake } = fakeKubectl({ code: 1, stderr: 'Error from server (Forbidden): pods is forbidden\n' });
    const found = await check(['--live', ...to], fake);
    expect(found).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(Forbidden)') });
    expect(found.err.match(/^(?:Error|Hint): /gm)).toEqual(['Error: ', 'Hint: ']);
  });
});

describe('check --test-pod', () => {
  const images = (out: string): string[] =>
    parseAllDocuments(out)
      .map((document) => document.toJS())
      .flatMap(({ spec }) => spec?.template.spec.containers ?? [])
      .map(({ image }: { image: string }) => image);
  const secret = {
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    metadata: { name: 'regcred', namespace: 'apps' },
    stringData: { '.dockerconfigjson': '{"auths":{"registry.example:5000":{"auth":"cm9ib3Q6c2VjcmV0LXZhbHVl"}}}' },
  };

  it.skipIf(helm === undefined)(
    'prints Jobs for the images of a chart at the target, asks nothing, and says how to read them',
    async () => {
      await writeFiles(folder, {
        'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
        'app/values.yaml': 'image: quay.io/team/app:1\n',
        'app/templates/pods.yaml':
          'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - {name: a, image: "{{ .Values.image }}"}\n    - {name: b, image: "quay.io/team/fixed:1"}\n',
        'secret.json': JSON.stringify(secret),
      });
      const found = await check(['./app', ...to, '--test-pod', '--pull-secret', 'secret.json']);
      expect(found.code, found.err).toBe(0);
      expect(images(found.out)).toEqual([`${CLUSTER_TARGET}/quay.io/team/app:1`]);
      expect(found.out).toContain('name: regcred');
      expect(found.err).toContain('kubectl -n apps wait');
      expect(found.err).toContain('quay.io/team/fixed:1');
      expect(found.out + found.err).not.toContain('secret-value');
    },
  );

  it('needs a name for the pull secret, a target, and YAML', async () => {
    writeFileSync(join(folder, 'config.json'), secret.stringData['.dockerconfigjson']);
    for (const args of [
      ['./app', ...to, '--test-pod', '--pull-secret', 'config.json'],
      ['./app', '--bundle', 'x.tar', '--test-pod'],
      ['./app', ...to, '--test-pod', '-o', 'json'],
    ]) {
      expect(await check(args)).toMatchObject({ code: 2, out: expect.not.stringContaining('kind: Job') });
    }
  });
});
