import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startUpstreamOf } from '../../support/chart-upstream.ts';
import { fixtureChart, writeFiles } from '../../support/charts.ts';
import { type EcrFront, startEcrFront } from '../../support/ecr-front.ts';
import { imagesOf } from '../../support/installer.ts';
import { type PageRun, runPage } from '../../support/page.ts';
import { podList, podObject, running } from '../../support/pods.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** All commands of docs/guides/aws-isolated.md, with the stand-in for ECR under its real names, by TLS. */

const PAGE = 'docs/guides/aws-isolated.md';
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const [home, cwd] = [scratchFolder(), scratchFolder()];
const file = (name: string): string => readFileSync(join(cwd, name), 'utf8');
let ecr: EcrFront;
let runs: PageRun[];

beforeAll(async () => {
  cpSync(fixtureChart('shop'), join(cwd, 'shop'), { recursive: true });
  const upstream = await startUpstreamOf(fixtureChart('shop'), home);
  ecr = await startEcrFront(ECR);
  const programs = join(home, 'programs');
  mkdirSync(programs);
  const pods = podList([
    podObject('web', {
      containers: { web: { image: `${ECR}/mirrored/registry.example/shop/web:1.4.2`, state: running } },
    }),
    podObject('coredns', {
      namespace: 'kube-system',
      containers: {
        dns: { image: '602401143452.dkr.ecr.eu-central-1.amazonaws.com/eks/coredns:v1.11.4', state: running },
      },
    }),
  ]);
  await writeFiles(programs, { 'pods.json': pods });
  writeFileSync(
    join(programs, 'kubectl'),
    `#!/bin/sh\n[ "$*" = "get pods -A -o json" ] && exec cat '${programs}/pods.json'\nexit 1\n`,
    { mode: 0o755 },
  );
  const storage = ['--plain-http', ecr.storage];
  const reading = ['push', 'values', 'check', 'verify', 'doctor'];
  runs = await runPage(PAGE, {
    cwd,
    home,
    // There is no cluster: Helm renders what it would install.
    replace: { 'helm upgrade --install': 'helm template' },
    env: { ...ecr.env, PATH: programs },
    flags: (command) => (command === 'bundle' ? upstream.mirror : reading.includes(command) ? storage : []),
    before: ({ text }) => {
      if (!text.includes('--since')) return;
      const chart = join(cwd, 'shop/Chart.yaml');
      writeFileSync(chart, readFileSync(chart, 'utf8').replace('1.4.0', '1.5.0'));
    },
  });
  await upstream.stop();
});
afterAll(() => ecr?.stop());

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';

test('doctor tries every endpoint of the table, and finds nothing bad', () => {
  const output = outputOf('airgap doctor');
  for (const name of [ECR, 'api.ecr.', 'sts.', 'starport-layer-bucket']) expect(output).toContain(name);
  expect(output).toMatch(/\b0 bad\b/);
});

test('the repositories have the settings of the page, and there are no others', () => {
  const settings = [...ecr.repositories].map(([name, { settings }]) => ({ name, ...settings }));
  expect(settings.length).toBeGreaterThan(7);
  expect(settings.filter(({ name }) => !name.startsWith('mirrored/'))).toEqual([]);
  for (const one of settings) {
    expect(one).toMatchObject({ imageTagMutability: 'IMMUTABLE', imageScanningConfiguration: { scanOnPush: true } });
  }
  const policies = settings.filter((one) => 'policyText' in one);
  expect(policies).toHaveLength(settings.length);
  const { Resources } = parse(file('repositories.yaml'));
  const names = Object.values<{ Properties: { RepositoryName: string } }>(Resources).map(
    ({ Properties }) => Properties.RepositoryName,
  );
  expect(names.map((name) => name.replace('staging/', 'mirrored/')).sort()).toEqual(
    settings.map(({ name }) => name).sort(),
  );
});

test('what is installed is private', () => {
  const images = imagesOf(outputOf('helm upgrade').replace(/^[\s\S]*?(?=^---)/m, ''));
  expect(images.length).toBeGreaterThanOrEqual(5);
  expect(images.filter((image) => !image.startsWith(`${ECR}/mirrored/`))).toEqual([]);
  expect(imagesOf(file('pull-test.yaml')).every((image) => image.startsWith(`${ECR}/mirrored/`))).toBe(true);
});

test('the second bundle is a delta, whose chart is new at the target', () => {
  expect(file('change.md')).toMatch(/shop.*1\.4\.0.*1\.5\.0/);
  expect([...(ecr.repositories.get('mirrored/charts/shop')?.tags.keys() ?? [])].sort()).toEqual(['1.4.0', '1.5.0']);
});
