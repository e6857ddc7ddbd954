import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { ignoreEvents } from '../../src/base/events.ts';
import { Helm } from '../../src/helm/helm.ts';
import { Renderer } from '../../src/helm/render.ts';
import { overrideChart } from '../../src/overrides/override-chart.ts';
import { searchCharts } from '../../src/search/search-charts.ts';
import { images } from '../../src/workflows/images/images.ts';
import { hasReference, readCorpus } from '../support/corpus.ts';
import { scratchFolder } from '../support/scratch.ts';
import { contextIn, derive, newest, target, withFactsOnly } from './derive.ts';

/**
 * Real charts with hand-checked ground truth, from AIRGAP_CHARTS: the images that discovery finds, and the references that
 * overrides leave unmapped. The latter are searched in the text of plain Helm's render, independent of discovery.
 */

const corpus = readCorpus();
const helm = newest?.path ?? '';
const home = scratchFolder();
const context = contextIn(home, helm);

/** References that are not in the chart's own render, so that its overrides cannot map them. */
const ELSEWHERE = new Set(['operator-binary', 'child-chart']);

test('there is ground truth', () => expect(corpus.length).toBeGreaterThan(0));

for (const entry of corpus) {
  const { name, archive: chart, render, flags, ...truth } = entry;
  let derived: ReturnType<typeof derive> | undefined;
  /** Derived once for all tests of the chart. */
  const overrides = (): ReturnType<typeof derive> => (derived ??= derive(context, entry));

  test(`${name}: every image is found, and nothing else`, async () => {
    const jobs = [{ request: { chart }, profiles: [{ name: 'default', options: render }] }];
    // Nested charts are in the same folder.
    const chartSources = { mirrors: [{ from: '*', to: { folder: dirname(chart) } }], plainHttp: [] };
    const found = await images(context, { charts: jobs, add: [], chartSources });
    expect(found.failures).toEqual([]);
    const sure = found.images.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference);
    const wanted = truth.images.filter(({ how }) => how !== 'operator-binary').map(({ normalized }) => normalized);
    const allowed = new Set([...truth.images.map(({ normalized }) => normalized), ...truth.ambiguous]);
    expect(wanted.filter((reference) => !sure.includes(reference))).toEqual([]);
    expect(sure.filter((reference) => !allowed.has(reference))).toEqual([]);
  });

  test(`${name}: every reference is private with the overrides, or reported as unmapped`, async () => {
    const result = await overrides();
    const residue = new Set(result?.proof.residue.map(({ reference }) => reference));
    const file = join(home, `${name}.json`);
    writeFileSync(file, JSON.stringify(result?.overrides));
    const args = ['template', render.releaseName, chart, ...flags, '-f', file];
    const { stdout } = await execa(helm, args, { env: context.env, extendEnv: false });
    const left = truth.images.filter(
      ({ ref, how }) => !ELSEWHERE.has(how) && /[/:]/.test(ref) && hasReference(stdout, ref),
    );
    expect(left.filter(({ normalized }) => !residue.has(normalized))).toEqual([]);
    expect(result?.proof.rewritten).toBe((result?.proof.references ?? 0) - residue.size);
  });

  test(`${name}: the bundle's recipe gives the same overrides`, async () => {
    const jobs = [{ request: { chart }, profiles: [{ name: 'default', options: render }] }];
    const folder = join(home, `${name}.search`);
    const search = await searchCharts(context, new Helm(context), jobs, folder, { nestedCharts: false, recipes: true });
    const [searched] = search.charts;
    if (searched === undefined) throw new Error(`${name} was not searched`);
    const renderer = new Renderer(new Helm(context), searched.chart, join(folder, 'again'));
    const profile = { name: 'default', options: render };
    const recipes = searched.recipes.get('default') ?? [];
    const stored = await overrideChart(renderer, profile, target, { rules: [], emit: ignoreEvents, recipes });
    const result = await overrides();
    expect(recipes.length).toBeGreaterThan(0);
    expect(stored.proof).toEqual(result?.proof);
    expect(stored.overrides).toEqual(result?.overrides);
  });

  test(`${name}: the overrides match golden/ (golden.test.ts)`, async () => {
    await expect(withFactsOnly((await overrides())?.yaml ?? '')).toMatchFileSnapshot(`golden/${name}.yaml`);
  });
}
