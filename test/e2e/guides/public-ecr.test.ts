import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectLine, linesWith } from '../../support/facts.ts';
import { buildImage, pushBuilt, pushImage } from '../../support/images.ts';
import { type PageRun, pageBlocks, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** The commands of docs/guides/public-ecr.md, with registries on loopback for docker.io, quay.io and public.ecr.aws. */

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {helm.sh/chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"}}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
`;
const CHARTS: Readonly<Record<string, string>> = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.2.3 # of the chart\n',
  'charts/web/templates/deployment.yaml': `${DEPLOYMENT}      containers:
        - {name: web, image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"}
        - {name: sidecar, image: "{{ .Values.sidecar.image }}"}
`,
  'charts/cache/Chart.yaml': 'apiVersion: v2\nname: cache\nversion: 0.4.0\n',
  'charts/cache/templates/deployment.yaml': `${DEPLOYMENT}      initContainers:
        - {name: init, image: "{{ .Values.init.image }}"}
      containers:
        - {name: cache, image: "{{ .Values.image }}"}
`,
};

let upstream: TestRegistry;
let publicEcr: TestRegistry;
let runs: PageRun[];
const cwd = scratchFolder();

const git = (...args: string[]) =>
  execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    cwd,
    env: { GIT_CONFIG_GLOBAL: '/dev/null' },
  });

beforeAll(async () => {
  [upstream, publicEcr] = [await startRegistry(), await startRegistry()];
  for (const [name, tag] of [
    ['nginx', '1.27.5'],
    ['busybox', '1.37'],
  ] as const) {
    const image = buildImage({ name });
    await pushBuilt(upstream.host, `hub/library/${name}`, tag, image);
    await pushBuilt(publicEcr.host, `docker/library/${name}`, tag, image);
  }
  await pushImage(upstream.host, 'hub/library/redis', '8.0', { name: 'redis' });
  await pushImage(publicEcr.host, 'docker/library/redis', '8.0', { name: 'redis', platforms: ['linux/amd64'] });
  await pushImage(upstream.host, 'quay/team/reloader', '2.1.0');
  const written = pageBlocks('docs/guides/public-ecr.md').filter(({ mark }) => mark.startsWith('file='));
  const files = {
    ...CHARTS,
    ...Object.fromEntries(written.map(({ mark, text }) => [mark.slice('file='.length), text])),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
  await git('init', '-q');
  await git('add', '.');
  await git('commit', '-q', '-m', 'charts');
  const flags = [
    ...['--mirror', `docker.io=${upstream.host}/hub`, '--mirror', `quay.io=${upstream.host}/quay`],
    ...['--mirror', `public.ecr.aws=${publicEcr.host}`],
    ...[upstream.host, publicEcr.host].flatMap((host) => ['--plain-http', host]),
  ];
  runs = await runPage('docs/guides/public-ecr.md', { cwd, home: scratchFolder(), flags: () => flags });
});
afterAll(() => Promise.all([upstream.stop(), publicEcr.stop()]));

test('the list says what is the same, and where it is named', () => {
  const [{ output }] = runs as [PageRun];
  expectLine(
    output,
    'docker.io/library/nginx:1.27.5',
    'public.ecr.aws/docker/library/nginx:1.27.5',
    'charts/web/values.yaml:4',
  );
  expectLine(output, 'docker.io/library/redis:8.0', 'linux/arm64', 'charts/cache/values.yaml:1');
  expectLine(output, 'quay.io/team/reloader:2.1.0', 'charts/web/values.yaml:6');
});

test('values, expectations and versions are changed, and what is left is named', () => {
  const { output } = runs[1] as PageRun;
  // Once by --dry-run, once for good.
  for (const line of [
    '+  registry: public.ecr.aws # or a mirror',
    '+  repository: docker/library/nginx',
    '+          value: public.ecr.aws/docker/library/nginx:1.27.5',
    '+          pattern: ^public\\.ecr\\.aws/docker/library/nginx:1\\.28\\.0$',
    '+init: {image: "public.ecr.aws/docker/library/busybox:1.37"}',
  ])
    expect(linesWith(output, line)).toEqual([line, line]);
  expect(linesWith(output, '+version:')).toEqual(['+version: 0.4.1', '+version: 1.2.4 # of the chart']);
  expectLine(output, 'charts/cache/values.yaml:1', 'redis:8.0', 'linux/arm64');
});

test('the charts render with the new names, until the patch takes them back', () => {
  const { output } = runs[2] as PageRun;
  expectLine(output, '5 files changed');
  expectLine(output, /image: "?public\.ecr\.aws\/docker\/library\/nginx:1\.27\.5/);
  expectLine(output, /image: "?quay\.io\/team\/reloader:2\.1\.0/);
  expect(runs.at(-1)).toMatchObject({ code: 0, output: '' });
});
