import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChartRepository, startChartRepository } from '../support/chart-repository.ts';
import { chartYaml, writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { pushBuilt } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream, upstreamImage } from '../support/upstream.ts';

/** Lists in all formats become an airgap.yaml, from which a bundle holds what the list named; and lists written for others. */

const home = scratchFolder();
let upstream: TestRegistry;
let repository: ChartRepository;
let connected: string[];

const WEB = 'quay.io/team/web:1.2';
const REDIS = 'docker.io/library/redis:7.2';
const JOB = 'ghcr.io/team/job:3';
/** Image of the chart `app`. */
const APP = 'quay.io/team/app:1.4.2';
/** Image of a plain manifest. */
const PLAIN = 'quay.io/team/plain:5';

const pod = (image: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "${image}"}]}\n`;

beforeAll(async () => {
  await writeFiles(home, {
    'app/Chart.yaml': chartYaml('app', '1.4.2'),
    'app/values.yaml': 'tag: none\n',
    'app/templates/pod.yaml': pod('quay.io/team/app:{{ .Values.tag }}'),
    'values.yaml': 'tag: 1.4.2\n',
    'deploy/pod.yaml': pod(PLAIN),
  });
  await writeFiles(home, { 'plain-app/Chart.yaml': chartYaml('plain-app'), 'plain-app/templates/pod.yaml': pod(APP) });
  [upstream, repository] = await Promise.all([
    startRegistry(),
    startChartRepository(home, [join(home, 'app'), join(home, 'plain-app')]),
  ]);
  const mirrored = ['docker.io', 'ghcr.io', 'quay.io'].flatMap((from) => [
    '--mirror',
    `${from}=${upstream.host}/${from}`,
  ]);
  connected = [...mirrored, '--plain-http', upstream.host];
  await fillUpstream(upstream.host, [WEB, REDIS, JOB, APP, PLAIN]);
  const archive = join(repository.folder, 'plain-app-1.0.0.tgz');
  await program(helmUnderTest(), ['push', archive, `oci://${upstream.host}/charts`, '--plain-http'], home);
});
afterAll(() => Promise.all([upstream.stop(), repository.stop()]));

interface Held {
  readonly charts: readonly string[];
  readonly images: readonly string[];
  readonly platforms: readonly string[];
}

/** Imports lists, bundles what they name, and returns what is in the bundle. */
async function bundled(name: string, files: readonly string[], ...flags: readonly string[]): Promise<Held> {
  const [config, bundle] = [join(home, `${name}.airgap.yaml`), join(home, `${name}.tar`)];
  await airgapOk(['import', ...files, ...flags, '--out', config], home, { cwd: home });
  await airgapOk(['bundle', '--config', config, ...connected, '--out', bundle], home, { cwd: home });
  await airgapOk(['verify', bundle], home);
  const inspected = JSON.parse((await airgapOk(['inspect', bundle, '-o', 'json'], home)).stdout);
  const { charts, images } = inspected.lock as {
    charts: { name: string; version: string }[];
    images: { reference: string; platforms: string[] }[];
  };
  return {
    charts: charts.map(({ name, version }) => `${name} ${version}`),
    images: images.map(({ reference }) => reference).sort(),
    platforms: [...new Set(images.flatMap(({ platforms }) => platforms))].sort(),
  };
}

const both = ['linux/amd64', 'linux/arm64'];

describe('the bundle of an imported list holds what the list named', () => {
  const lists: Record<
    string,
    () => { file: string; text: string; charts?: string[]; images: string[]; flags?: string[] }
  > = {
    hauler: () => ({
      file: 'hauler-manifest.yaml',
      text: `apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata: {name: images, annotations: {hauler.dev/platform: linux/amd64, hauler.dev/registry: quay.io}}
spec:
  images:
    - name: team/web:1.2
    - name: ghcr.io/team/job:3
      platform: linux/amd64
---
apiVersion: content.hauler.cattle.io/v1alpha1
kind: Charts
metadata: {name: charts}
spec:
  charts:
    - {name: app, repoURL: "${repository.url}", version: 1.4.2, valuesFiles: [values.yaml]}
    - {name: plain-app, repoURL: "oci://${upstream.host}/charts", version: 1.0.0}
---
apiVersion: content.hauler.cattle.io/v1
kind: Files
metadata: {name: files}
spec: {files: [{path: https://get.example/install.sh}]}
`,
      charts: ['app 1.4.2', 'plain-app 1.0.0'],
      images: [JOB, APP, WEB],
    }),
    zarf: () => ({
      file: 'zarf.yaml',
      text: `kind: ZarfPackageConfig
metadata: {name: shop}
constants: [{name: WEB_TAG, value: "1.2"}]
components:
  - name: app
    charts:
      - {name: the-app, repoName: app, url: "${repository.url}", version: 1.4.2, namespace: shop, valuesFiles: [values.yaml]}
      - {name: local, localPath: plain-app, namespace: shop}
    manifests: [{name: plain, files: [deploy/pod.yaml]}]
    images: ["quay.io/team/web:###ZARF_CONST_WEB_TAG###", "ghcr.io/team/job:###ZARF_PKG_TMPL_JOB###"]
`,
      charts: ['app 1.4.2', 'plain-app 1.0.0'],
      images: [JOB, APP, PLAIN, WEB],
      flags: ['--var', 'JOB=3'],
    }),
    'images-lock': () => {
      const { manifests } = upstreamImage(WEB);
      const children = manifests.filter(({ platform }) => platform !== undefined);
      return {
        file: 'Images.lock',
        text: `apiVersion: v0
kind: ImagesLock
chart: {name: app, version: 1.4.2}
images:
  - name: web
    image: ${WEB}
    chart: app
    digests:
${children.map(({ digest, platform }) => `      - {digest: "${digest}", arch: ${platform}}`).join('\n')}
`,
        images: [WEB, ...children.map(({ digest }) => `quay.io/team/web@${digest}`)].sort(),
      };
    },
    compose: () => ({
      file: 'compose.yaml',
      text: `x-web: &web
  image: "quay.io/team/web:\${WEB_TAG:-1.2}"
services:
  web: {<<: *web}
  redis: {image: "redis:$REDIS"}
  built: {build: .}
`,
      images: [REDIS, WEB],
      flags: ['--var', 'REDIS=7.2'],
    }),
    'skopeo-sync': () => ({
      file: 'sync.yaml',
      text: `quay.io: {images: {team/web: ["1.2"]}}\ndocker.io: {images: {library/redis: ["7.2"]}}\n`,
      images: [REDIS, WEB],
    }),
    yaml: () => ({
      file: 'lists.yaml',
      text: `charts:
  - "plain-app|1.0.0|oci://${upstream.host}/charts"
  - {name: app, version: 1.4.2, repo: "${repository.url}", valuesFile: values.yaml}
images:
  - ${WEB}
  - {repository: library/redis, tag: 7.2}
  - job|3|ghcr.io/team
`,
      charts: ['app 1.4.2', 'plain-app 1.0.0'],
      images: [REDIS, JOB, APP, WEB],
    }),
    shell: () => ({
      file: 'manifest.sh',
      text: `#!/bin/bash
VERSION=1.2
CHARTS=(
  # name|version|repository
  "plain-app|1.0.0|${repository.url}"
)
IMAGES=("quay.io/team/web:$VERSION" 'redis:7.2')
IMAGES+=( "ghcr.io/team/job:\${JOB:-3}" )
for image in "\${IMAGES[@]}"; do docker pull "$image"; done
`,
      charts: ['plain-app 1.0.0'],
      images: [REDIS, JOB, APP, WEB],
    }),
    text: () => ({
      file: 'images.txt',
      text: `# images\n${WEB}  # the web\nredis:7.2\noci://${upstream.host}/charts/plain-app:1.0.0\n`,
      charts: ['plain-app 1.0.0'],
      images: [REDIS, APP, WEB],
    }),
  };

  test.each(Object.keys(lists))('%s', async (format) => {
    const { file, text, charts = [], images, flags = [] } = (lists[format] as (typeof lists)[string])();
    await writeFiles(home, { [file]: text });
    const document = JSON.parse((await airgapOk(['import', file, ...flags, '-o', 'json'], home, { cwd: home })).stdout);
    expect(document).toMatchObject({ kind: 'Import', lists: [{ file, format }] });
    const held = await bundled(format, [file], ...flags);
    expect(held).toEqual({ charts, images, platforms: format === 'hauler' ? ['linux/amd64'] : both });
  });

  test('several lists together: each image once, and nothing else', async () => {
    await writeFiles(home, { 'a.txt': `${WEB}\nredis:7.2\n`, 'b.yaml': `images: [${WEB}, ${JOB}]\n` });
    const held = await bundled('several', ['a.txt', 'b.yaml']);
    expect(held).toEqual({ charts: [], images: [REDIS, JOB, WEB], platforms: both });
    const text = readFileSync(join(home, 'several.airgap.yaml'), 'utf8');
    expect(text.match(/team\/web/g)).toHaveLength(1);
  });
});

test('all wrong lines are named with file and line, and nothing is written', async () => {
  await writeFiles(home, {
    'wrong.txt': `${WEB}\nnot a reference\n`,
    'wrong.sh': `IMAGES=(\n  redis:7\n  "quay.io/a/b:$NOWHERE"\n)\n`,
    'wrong.yaml': 'images:\n  - {repository: Quay.io/A, tag: 1}\n  - {tag: 2}\n',
  });
  const files = ['wrong.txt', 'wrong.sh', 'wrong.yaml'];
  const run = await airgap(['import', ...files, '--out', 'never.yaml', '-o', 'json'], home, { cwd: home });
  expect([run.code, existsSync(join(home, 'never.yaml'))]).toEqual([2, false]);
  const { errors } = JSON.parse(run.stdout) as { errors: { code: string; subjects: { name: string }[] }[] };
  expect(errors.map(({ code }) => code)).toEqual(errors.map(() => 'config'));
  expect(errors.flatMap(({ subjects }) => subjects.map(({ name }) => name)).sort()).toEqual([
    'wrong.sh:3',
    'wrong.txt:2',
    'wrong.yaml:2',
    'wrong.yaml:3',
  ]);
  const given = await airgapOk(['import', 'wrong.sh', '--var', 'NOWHERE=1'], home, { cwd: home });
  expect(given.stdout).toContain('quay.io/a/b:1');
});

describe('lists for other tools name what the charts need', () => {
  const wanted = (): string[] => [`${upstream.host}/team/web:1`, `${upstream.host}/team/job:2`];
  const digest = (): string => upstreamImage(`${upstream.host}/team/pinned`).digest;
  const pinned = (): string => `${upstream.host}/team/pinned@${digest()}`;

  beforeAll(async () => {
    for (const reference of wanted()) {
      const [, path = '', tag = ''] = /^[^/]+\/(.*):(.*)$/.exec(reference) ?? [];
      await pushBuilt(upstream.host, path, tag, upstreamImage(reference));
    }
    await pushBuilt(upstream.host, 'team/pinned', undefined, upstreamImage(`${upstream.host}/team/pinned`));
    await writeFiles(home, {
      'all.yaml': `apiVersion: airgap/v1
kind: Config
charts:
  - {chart: "oci://${upstream.host}/charts/plain-app", version: 1.0.0}
  - {chart: app, repo: "${repository.url}", version: 1.4.2, profiles: [{name: default, values: [values.yaml]}]}
images: [${[...wanted(), pinned()].map((image) => `"${image}"`).join(', ')}]
`,
    });
  });

  const list = async (format: string): Promise<string> => {
    const { stdout } = await airgapOk(['images', '--config', 'all.yaml', ...connected, '-o', format], home, {
      cwd: home,
    });
    await writeFiles(home, { [`written.${format}`]: stdout });
    return stdout;
  };

  test.each(['shell', 'hauler', 'zarf', 'skopeo-sync'])(
    '%s: import gives the same images and charts again',
    async (format) => {
      await list(format);
      const { stdout } = await airgapOk(['import', `written.${format}`, '-o', 'json'], home, { cwd: home });
      const { lists, images, charts } = JSON.parse(stdout);
      expect(lists).toMatchObject([{ format }]);
      expect(images.map(({ image }: { image: string }) => image).sort()).toEqual([...wanted(), pinned(), APP].sort());
      // Skopeo copies no charts.
      expect(charts.map(({ chart, repo, version }: Record<string, string>) => [chart, repo, version])).toEqual(
        format === 'skopeo-sync'
          ? []
          : [
              [`oci://${upstream.host}/charts/plain-app`, undefined, '1.0.0'],
              ['app', repository.url, '1.4.2'],
            ],
      );
    },
  );

  test('bash reads the arrays', async () => {
    await list('shell');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    const script = '. ./written.shell; printf "%s\\n" "${#CHARTS[@]}" "${IMAGES[@]}"';
    const read = execFileSync('bash', ['-euc', script], { cwd: home, encoding: 'utf8' }).trim().split('\n');
    expect(read.sort()).toEqual(['2', ...wanted(), pinned(), APP].sort());
  });

  test('skopeo copies what the file names', async () => {
    const text = await list('skopeo-sync');
    // The image of the chart is in a registry that is not here; the one that is has no TLS.
    const here = text.replace(/^quay\.io:\n(?: .*\n?)*/m, '').replace(/^(\S+:)$/m, '$1\n  tls-verify: false');
    await writeFiles(home, { 'here.yaml': here });
    const target = await startRegistry();
    try {
      const args = [
        '--insecure-policy',
        'sync',
        '--all',
        '--src',
        'yaml',
        '--dest',
        'docker',
        '--dest-tls-verify=false',
      ];
      execFileSync('skopeo', [...args, 'here.yaml', `${target.host}/copied`], { cwd: home, stdio: 'pipe' });
      const copied = wanted().map((reference) => upstreamImage(reference).digest);
      expect(tagsOf(target, 'copied')).toEqual([`job:2 ${copied[1]}`, `web:1 ${copied[0]}`]);
      expect(treeOf(target, 'copied/pinned').join('\n')).toContain(digest());
    } finally {
      await target.stop();
    }
  });
});
