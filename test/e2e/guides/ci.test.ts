import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureChart } from '../../support/charts.ts';
import { airgapOk } from '../../support/cli.ts';
import { type PageRun, pageBlocks, runPage } from '../../support/page.ts';
import { githubWorkflow, gitlabPipeline, jenkinsPipeline } from '../../support/pipelines.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** docs/guides/ci.md: its scripts with real registries, for a first and a second version; its pipelines run these scripts. */

const PAGE = 'docs/guides/ci.md';
const [home, cwd] = [scratchFolder(), scratchFolder()];
const blocks = pageBlocks(PAGE);
const textOf = (name: string): string => blocks.find(({ mark }) => mark === `file=${name}`)?.text ?? '';
const file = (name: string): string => readFileSync(join(cwd, name), 'utf8');
const NEW = 'registry.example/shop/web:1.5.0';
let upstream: TestRegistry;
let target: TestRegistry;
let runs: PageRun[];

beforeAll(async () => {
  cpSync(fixtureChart('shop'), join(cwd, 'shop'), { recursive: true });
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  const { stdout } = await airgapOk(['images', fixtureChart('shop'), '-o', 'txt'], home);
  await fillUpstream(upstream.host, [...stdout.trim().split('\n'), NEW]);
  const read = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  const write = ['--plain-http', target.host];
  const byCommand: Readonly<Record<string, readonly string[]>> = {
    ...{ images: read, bundle: read },
    ...{ doctor: write, push: write, values: write, check: write },
  };
  runs = await runPage(PAGE, {
    cwd,
    home,
    replace: { 'registry.internal.example': target.host },
    flags: (command) => byCommand[command] ?? [],
    before: ({ heading, text }) => {
      if (heading !== 'A new version' || !text.includes('look.sh')) return;
      const chart = join(cwd, 'shop/Chart.yaml');
      writeFileSync(chart, file('shop/Chart.yaml').replace('1.4.0', '1.5.0').replace('1.4.2', '1.5.0'));
      // The artifacts of the first run are elsewhere; inventory.json is in the repository.
      rmSync(join(cwd, 'platform.tar'));
    },
  });
});
afterAll(() => Promise.all([upstream?.stop(), target?.stop()]));

test('a new version ends with 3 and a new lock file, of which a bundle and a ticket are made', () => {
  const look = runs.find(({ text }) => text.includes('|| test $? = 3'));
  expect(look?.output).toMatch(/shop: 1\.4\.0 -> 1\.5\.0/);
  expect(file('airgap.lock')).toContain(NEW);
  expect(file('change.md')).toMatch(/shop.*1\.4\.0.*1\.5\.0/);
  expect(file('change.md')).toContain('registry.example/shop/web');
});

test('the isolated side has what was locked', () => {
  const tags = tagsOf(target).map((line) => line.split(' ')[0]);
  expect(tags).toEqual(expect.arrayContaining([`mirrored/${NEW}`, 'mirrored/charts/shop:1.5.0']));
  const { images } = JSON.parse(file('missing.json'));
  expect(images.length).toBeGreaterThan(5);
  expect(images.filter(({ status }: { status: string }) => status !== 'ok')).toEqual([]);
});

describe.each([
  ['Jenkins', jenkinsPipeline(textOf('Jenkinsfile'))],
  ['GitHub Actions', githubWorkflow(textOf('.github/workflows/airgap.yml'))],
  ['GitLab', gitlabPipeline(textOf('.gitlab-ci.yml'))],
])('the pipeline for %s', (_, { scripts, artifacts, text }) => {
  test('runs the scripts of the page, and keeps what they write', () => {
    const called = scripts.flatMap(({ script }) => /sh (ci\/\w+\.sh)$/.exec(script)?.[1] ?? []);
    expect(called).toEqual(['ci/look.sh', 'ci/bundle.sh']);
    const kept = ['airgap.lock', 'platform.tar', 'platform.tar.sha256', 'change.md', 'inventory.json'];
    expect([...artifacts].sort()).toEqual([...kept].sort());
    expect(text).toMatch(/SIGNING_KEY|sh ci\/bundle\.sh/);
    for (const [open, close] of ['{}', '()', '[]'].map((pair) => [...pair] as [string, string]))
      expect(text.split(open).length, open).toBe(text.split(close).length);
  });
});
