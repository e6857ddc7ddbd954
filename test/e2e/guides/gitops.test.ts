import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { startUpstreamOf } from '../../support/chart-upstream.ts';
import { fixtureChart } from '../../support/charts.ts';
import { helmUnderTest, program } from '../../support/cli.ts';
import { imagesOf } from '../../support/installer.ts';
import { type PageRun, pageBlocks, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** All commands of docs/guides/gitops.md; Helm renders what the controllers would. */

const PAGE = 'docs/guides/gitops.md';
const [home, cwd] = [scratchFolder(), scratchFolder()];
const file = (name: string): string => readFileSync(join(cwd, name), 'utf8');
let target: TestRegistry;
let runs: PageRun[];
/** `site/argocd/shop.yaml` and `site/flux/shop.yaml` of the first version. */
let written: { argocd: string; flux: string };

beforeAll(async () => {
  // Two versions of the chart, in place of its repository.
  const [archives, next] = [join(home, 'archives'), join(home, 'shop')];
  await program(helmUnderTest(), ['package', fixtureChart('shop'), '-d', archives], home);
  cpSync(fixtureChart('shop'), next, { recursive: true });
  const chart = join(next, 'Chart.yaml');
  writeFileSync(chart, readFileSync(chart, 'utf8').replace('1.4.0', '1.5.0'));
  await program(helmUnderTest(), ['package', next, '-d', archives], home);
  const upstream = await startUpstreamOf(fixtureChart('shop'), home);
  target = await startRegistry();
  mkdirSync(join(cwd, 'site'));
  execFileSync('git', ['init', '--quiet', join(cwd, 'site')]);
  const git = ['user.name=test', 'user.email=test@example.com'];
  for (const setting of git) execFileSync('git', ['-C', join(cwd, 'site'), 'config', ...setting.split('=')]);
  const charts = ['--chart-mirror', `*=${archives}`];
  const write = ['--plain-http', target.host];
  const byCommand: Readonly<Record<string, readonly string[]>> = {
    ...{ images: charts, bundle: [...charts, ...upstream.mirror] },
    ...{ push: write, values: write, check: write },
  };
  runs = await runPage(PAGE, {
    cwd,
    home,
    replace: { 'registry.example.com': target.host },
    flags: (command) => byCommand[command] ?? [],
    before: ({ heading }) => {
      if (heading === 'Check, and commit')
        written = { argocd: file('site/argocd/shop.yaml'), flux: file('site/flux/shop.yaml') };
    },
  });
  await upstream.stop();
});
afterAll(() => target?.stop());

/** Renders the pushed chart with values, as a controller does. */
async function renderedImages(repository: string, version: string, values: unknown): Promise<string[]> {
  const path = join(home, 'values.json');
  writeFileSync(path, JSON.stringify(values));
  const chart = [`oci://${repository}/shop`, '--version', version, '--plain-http', '-f', path];
  const render = await program(helmUnderTest(), ['template', 'shop', ...chart], home);
  expect(render).toContain('replicas: 3');
  return imagesOf(render);
}

test('the Application names the pushed chart, whose images are private with its values', async () => {
  const { source } = parse(written.argocd).spec;
  expect(source).toMatchObject({ repoURL: `${target.host}/mirrored/charts`, chart: 'shop', targetRevision: '1.4.0' });
  expect(written.argocd).toContain('# of this site');
  const shown = pageBlocks(PAGE).find(({ text, mark }) => mark === '' && text.startsWith('  source:'))?.text ?? '';
  expect(written.argocd).toContain(shown.replaceAll('registry.example.com', target.host));
  const images = await renderedImages(source.repoURL, source.targetRevision, source.helm.valuesObject);
  expect(images.length).toBeGreaterThanOrEqual(5);
  expect(images.filter((image) => !image.startsWith(`${target.host}/mirrored/`))).toEqual([]);
});

test('the HelmRelease does, too, by a source of its own', async () => {
  const objects = parseAllDocuments(written.flux).map((document) => document.toJS());
  const release = objects.find(({ kind }) => kind === 'HelmRelease');
  const { sourceRef, version } = release.spec.chart.spec;
  const source = objects.find(({ kind, metadata }) => kind === sourceRef.kind && metadata.name === sourceRef.name);
  expect(source.spec).toMatchObject({ type: 'oci', url: `oci://${target.host}/mirrored/charts` });
  const images = await renderedImages(source.spec.url.replace('oci://', ''), version, release.spec.values);
  expect(images.filter((image) => !image.startsWith(`${target.host}/mirrored/`))).toEqual([]);
});

test('a new version changes the written manifest, and both charts are there', () => {
  expect(parse(file('site/argocd/shop.yaml')).spec.source.targetRevision).toBe('1.5.0');
  expect(file('change.md')).toMatch(/shop.*1\.4\.0.*1\.5\.0/);
  const tags = tagsOf(target).map((line) => line.split(' ')[0]);
  expect(tags).toEqual(expect.arrayContaining(['mirrored/charts/shop:1.4.0', 'mirrored/charts/shop:1.5.0']));
  expect(runs.at(-1)?.output).toMatch(/argocd\/shop\.yaml/);
});
