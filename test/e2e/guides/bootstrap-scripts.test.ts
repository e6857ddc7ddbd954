import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { chartYaml, realChart, realCharts, writeFiles } from '../../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../../support/cli.ts';
import { readCorpus } from '../../support/corpus.ts';
import { startEcrFront } from '../../support/ecr-front.ts';
import { expectFacts } from '../../support/facts.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { type InstallerRegistry, imagesOf, runInstaller } from '../../support/installer.ts';
import { type PageRun, type PageStep, pageBlocks, runPage } from '../../support/page.ts';
import { podList, podObject, running } from '../../support/pods.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/**
 * The commands of docs/guides/bootstrap-scripts.md, with the real chart from AIRGAP_CHARTS: all of them with a stand-in for ECR under
 * its real name, and the copy from registry to registry also with one that has token authentication and TLS. (guides/harbor runs
 * the other commands with such a registry.) Upstream registries have stand-in images.
 */

const PAGE = 'docs/guides/bootstrap-scripts.md';
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const ACCOUNT = 'AWS:secret-of-ecr';
const ARCHIVE = 'migration-assistant-0.2.0.tgz';
const chart = realChart(ARCHIVE);
/** Reason to skip the tests, which need the chart. */
const missing = chart === undefined ? `no ${ARCHIVE} in ${realCharts()}; set AIRGAP_CHARTS` : undefined;

/** Charts that valuesEks.yaml adds and that are not in AIRGAP_CHARTS: name, version, image. */
const STAND_INS = [
  ['aws-privateca-issuer', 'v1.4.0', 'public.ecr.aws/k1n1h4h4/cert-manager-aws-privateca-issuer', 'v1.4.0'],
  ['cloudwatch-chart', '1.4.2', 'public.ecr.aws/aws-controllers-k8s/cloudwatch-controller', '1.4.2'],
] as const;
/** Images of the ground truth, for default values, that valuesEks.yaml or site.yaml replace or switch off. */
const NOT_ON_EKS = /\/(?:localstack|grafana|bats|k8s-sidecar|aws-cli:latest)\b|^docker\.io\/migrations\//;
const RELEASE = ['traffic-capture-proxy', 'traffic-replayer', 'reindex-from-snapshot', 'console'].map(
  (name) => `public.ecr.aws/opensearchproject/opensearch-migrations-${name}:2.6.4`,
);
/** What Pods run that no chart of the page has. */
const OTHER = 'registry.example/team/web:1';

const charts = scratchFolder();
let upstream: TestRegistry;
let ecr: Awaited<ReturnType<typeof startEcrFront>>;
let followed: Result;

beforeAll(async () => {
  if (chart === undefined) return;
  for (const file of readdirSync(realCharts()).filter((name) => name.endsWith('.tgz'))) {
    copyFileSync(join(realCharts(), file), join(charts, file));
  }
  for (const [name, version, repository, tag] of STAND_INS) {
    const folder = await writeFiles(join(scratchFolder(), name), {
      'Chart.yaml': chartYaml(name, version),
      'values.yaml': `image: {repository: ${repository}, tag: ${tag}}\n`,
      'templates/pod.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"}]\n',
    });
    await program(helmUnderTest(), ['package', folder, '--destination', charts], scratchFolder());
  }
  upstream = await startRegistry();
  ecr = await startEcrFront(ECR);
  followed = await follow();
}, 600_000);
afterAll(async () => {
  await ecr?.stop();
  await upstream?.stop();
});

/** Flags of the commands that read the upstream registries. */
const reading = (): readonly string[] => ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
/** Flags of the commands that read the charts that the chart installs. */
const nested = ['--chart-mirror', `*=${charts}`];

interface Result {
  /** Folder of the page's files. */
  readonly cwd: string;
  readonly run: (text: string) => PageRun;
  /** References of airgap.lock. */
  readonly locked: readonly string[];
}

/** Runs the page with the stand-in for ECR. */
async function follow(): Promise<Result> {
  const { env } = ecr;
  const flags = ['--plain-http', ecr.storage];
  const [home, cwd] = [scratchFolder(), scratchFolder()];
  const file = (name: string): string => join(cwd, name);
  copyFileSync(chart as string, file(ARCHIVE));
  const programs = join(home, 'programs');
  await writeFiles(programs, {
    kubectl: `#!/bin/sh\n[ "$*" = "get pods -A -o json" ] && exec cat '${home}/pods.json'\nexit 1\n`,
    aws: `#!/bin/sh\n[ "$*" = "ecr get-login-password --region eu-central-1" ] && exec cat '${home}/password'\nexit 1\n`,
  });
  execFileSync('chmod', ['+x', join(programs, 'kubectl'), join(programs, 'aws')]);
  const read = reading();
  const byCommand: Readonly<Record<string, readonly string[]>> = {
    images: [...read, ...nested],
    bundle: [...read, ...nested],
    mirror: [...read, ...nested, ...flags],
    push: flags,
    values: [...nested, ...flags],
    check: flags,
  };
  let locked: string[] = [];
  const before = async ({ heading, text }: PageStep): Promise<void> => {
    if (text.includes('--lock')) {
      execFileSync('tar', ['-xzf', ARCHIVE, 'migration-assistant/valuesEks.yaml'], { cwd });
      const list = ['images', '--config', file('airgap.yaml'), ...nested, '-o', 'txt'];
      const { stdout } = await airgapOk(list, home);
      locked = stdout
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('#'));
      await fillUpstream(upstream.host, [...locked, OTHER]);
    }
    writeFileSync(join(home, 'password'), ecr.password());
    const isConnected = heading === 'What runs already';
    const private_ = `${ECR}/mirrored/${locked[0]}`;
    const pods = podList([
      podObject('web', { containers: { web: { image: isConnected ? OTHER : private_, state: running } } }),
      podObject('coredns', {
        namespace: 'kube-system',
        containers: {
          dns: { image: '602401143452.dkr.ecr.eu-central-1.amazonaws.com/eks/coredns:v1.11.4', state: running },
        },
      }),
    ]);
    writeFileSync(join(home, 'pods.json'), pods);
  };
  const runs = await runPage(PAGE, {
    cwd,
    home,
    // There is no cluster: Helm renders what it would install.
    replace: { 'helm upgrade --install': 'helm template --kube-version 1.35.0' },
    env: { ...env, PATH: programs },
    flags: (command) => byCommand[command] ?? [],
    before,
  });
  const blocks = pageBlocks(PAGE).filter(({ language, mark }) => language === 'sh' && mark === '');
  expect(runs).toHaveLength(blocks.length);
  const run = (text: string): PageRun => runs.find((one) => one.text.includes(text)) as PageRun;
  const lock = parse(readFileSync(file('airgap.lock'), 'utf8'));
  expect(lock.images.map(({ reference }: { reference: string }) => reference)).toEqual(locked);
  await expectPrivate(run('helm upgrade').output, `${ECR}/mirrored/`, home, env);
  return { cwd, run, locked };
}

/** Renders the chart's installer Job, and the charts that it installs from the registry: all images are private. */
async function expectPrivate(
  render: string,
  prefix: string,
  home: string,
  env: InstallerRegistry['env'],
): Promise<void> {
  const isPublic = (reference: string): boolean => !reference.startsWith(prefix);
  expect(imagesOf(render).length).toBeGreaterThan(5);
  expect(imagesOf(render).filter(isPublic)).toEqual([]);
  const { releases, otherCalls } = await runInstaller(render, home, ['--kube-version', '1.35.0'], { pull: [], env });
  expect([...releases.keys()].sort()).toEqual([
    'ack-cloudwatch-controller',
    'argo-workflows',
    'aws-privateca-issuer',
    'cert-manager',
    'fluent-bit',
    'kube-prometheus-stack',
    'strimzi-kafka-operator',
  ]);
  for (const [name, manifests] of releases) {
    const images = imagesOf(manifests);
    expect([name, images.length > 0, images.filter(isPublic)]).toEqual([name, true, []]);
  }
  expect(otherCalls.filter((call) => /\brepo add\b/.test(call))).toEqual([]);
}

test('with ECR: what the scripts did by hand, and what their list lacks', async ({ skip }) => {
  if (missing !== undefined) skip(missing);
  const { locked, cwd } = followed;
  expect(followed.run('--exclude').output).toContain('Pod apps/web/web');
  const repositories = [...ecr.repositories.keys()];
  const repositoryOf = (reference: string): string => `mirrored/${reference.replace(/:[^:/]*$/, '')}`;
  expect(repositories).toEqual(expect.arrayContaining([...locked, OTHER].map(repositoryOf)));
  expect(repositories).toEqual(
    expect.arrayContaining(['charts/migration-assistant', 'charts/cert-manager', 'charts/cloudwatch-chart']),
  );
  const overrides = parse(readFileSync(join(cwd, 'private/migration-assistant-eks.yaml'), 'utf8'));
  expect(overrides.ecrAuth).toEqual({ registry: ECR });
  expect(overrides.charts['cert-manager']).toMatchObject({
    repository: `oci://${ECR}/charts/cert-manager`,
    version: 'v1.17.2',
  });

  // The ground truth of the chart, for these values.
  const truth = readCorpus().find(({ archive }) => archive === chart)?.images ?? [];
  const wanted = new Set([
    ...truth.map(({ normalized }) => normalized).filter((image) => !NOT_ON_EKS.test(image)),
    ...STAND_INS.map(([, , repository, tag]) => `${repository}:${tag}`),
    ...RELEASE,
  ]);
  expect(truth.length).toBeGreaterThan(30);
  expect([...wanted].filter((image) => !locked.includes(image))).toEqual([]);
  expect(locked.filter((image) => !wanted.has(image))).toEqual([
    // Defaults of the operator, for resources that users create.
    'quay.io/prometheus/alertmanager:v0.28.1',
    'quay.io/prometheus/prometheus:v3.2.1',
  ]);

  // What the page says about the list in the archive.
  const list = execFileSync('tar', ['-xzOf', ARCHIVE, 'migration-assistant/infra/mirror/private-ecr-manifest.yaml'], {
    cwd,
    encoding: 'utf8',
  });
  const listed = new Set<string>(
    parse(list).images.map((image: string) => image.replace(/^mirror\.gcr\.io\/(?!opensearchproject)/, 'docker.io/')),
  );
  const lacking = [...wanted].filter((image) => !listed.has(image) && !RELEASE.includes(image)).sort();
  expect(lacking).toEqual([
    'quay.io/jetstack/cert-manager-acmesolver:v1.17.2',
    'quay.io/strimzi/kafka:0.50.1-kafka-4.0.1',
    'quay.io/strimzi/kafka:0.50.1-kafka-4.1.0',
    'quay.io/strimzi/kafka:0.50.1-kafka-4.1.1',
  ]);
  const unneeded = [...listed].filter((image) => !locked.includes(image));
  const text = readFileSync(join(import.meta.dirname, `../../../${PAGE}`), 'utf8');
  expect(text).toContain(`It has ${unneeded.length} that this installation does not pull`);

  const everything = parse(readFileSync(join(cwd, 'everything.yaml'), 'utf8'));
  const archived = parse(list);
  expect(everything.charts).toHaveLength(archived.charts.length);
  expect(everything.images).toHaveLength(archived.images.length);

  // A name that --set gives.
  const set = ['--set', `images.captureProxy.repository=${ECR}/ma`];
  const values = ['values', ARCHIVE, '--kube-version', '1.35.0', '--to', `${ECR}/mirrored`, ...set];
  const refused = await airgap([...values, '--no-tests', '--out', 'set.yaml'], scratchFolder(), { cwd });
  expect(refused.code).toBe(3);
  expectFacts(refused.stderr, 'images.captureProxy.repository', /--set/);
});

test('with a registry that has token authentication and TLS', async ({ skip }) => {
  if (missing !== undefined) skip(missing);
  const registry = await startRegistry();
  const front = await startFaultProxy(registry.host, ACCOUNT, 'registry.example');
  try {
    const { locked, cwd } = followed;
    const home = scratchFolder();
    const { host, authority } = front.tlsFront;
    const auth = Buffer.from(ACCOUNT).toString('base64');
    await writeFiles(home, { 'ca.pem': authority, 'config.json': JSON.stringify({ auths: { [host]: { auth } } }) });
    const env = { SSL_CERT_FILE: join(home, 'ca.pem'), DOCKER_CONFIG: home };
    const mirror = ['mirror', '--config', 'airgap.yaml', ...reading(), ...nested, '--to', `${host}/mirrored`];
    await airgapOk(mirror, home, { cwd, env });
    const tags = tagsOf(registry).map((line) => line.split(' ')[0]);
    expect(tags).toEqual(expect.arrayContaining(locked.map((reference) => `mirrored/${reference}`)));
    expect(tags).toContain('charts/migration-assistant:0.2.0');
    expect(tags).toContain('charts/cert-manager:v1.17.2');
    expect(front.leaks).toEqual([]);
  } finally {
    await front.stop();
    await registry.stop();
  }
}, 600_000);
