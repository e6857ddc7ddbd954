import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import { Helm } from '../../../src/helm/helm.ts';
import { Renderer, type RenderOptions } from '../../../src/helm/render.ts';
import type { StoredRecipe } from '../../../src/inventory/recipe.ts';
import { parseTarget } from '../../../src/naming/naming.ts';
import { type ChartOverrides, overrideChart } from '../../../src/overrides/override-chart.ts';
import { searchCharts } from '../../../src/search/search-charts.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { chartYaml, HELMS, writeFiles } from '../helm/scratch.ts';

/** A bundle's recipe was derived with other values. It may save work, but must not change the result. */

const target = parseTarget('ecr.example:5000/m', 'host-path');
const [binary] = HELMS;

const CHART = {
  'values.yaml': 'image: {repository: quay.io/acme/app}\nside: {repository: quay.io/acme/side}\n',
  'templates/a.yaml':
    'kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n' +
    '  - {name: a, image: "{{ .Values.image.repository }}:1"}\n  - {name: b, image: "{{ .Values.side.repository }}:1"}\n',
};

async function bundleAndDerive(
  bundledOptions: RenderOptions,
  currentOptions: (folder: string) => Promise<RenderOptions>,
): Promise<Travelled> {
  const folder = scratchFolder();
  const chart = await writeFiles(join(folder, 'app'), { 'Chart.yaml': chartYaml('app'), ...CHART });
  const events: AirgapEvent[] = [];
  const env = { PATH: process.env.PATH, HELM_BIN: binary?.path, HOME: folder };
  const context = { env, cwd: folder, emit: (event: AirgapEvent) => void events.push(event) };
  const helm = new Helm(context);
  const jobs = [{ request: { chart }, profiles: [{ name: 'default', options: bundledOptions }] }];
  const { charts } = await searchCharts(context, helm, jobs, join(folder, 'search'), { recipes: true });
  const recipes = charts[0]?.recipes.get('default') ?? [];
  const fetched = await fetchChart(helm, { chart }, join(folder, 'chart'), folder);
  const options = await currentOptions(folder);
  const derive = (known: readonly StoredRecipe[], name: string): Promise<ChartOverrides> =>
    overrideChart(new Renderer(helm, fetched, join(folder, name)), { name: 'default', options }, target, {
      rules: [],
      emit: context.emit,
      recipes: known,
    });
  const plain = await derive([], 'plain');
  events.length = 0;
  const stored = await derive(recipes, 'stored');
  const isProbed = events.some((event) => event.type === 'stage' && /probing again/.test(event.message));
  return { plain, stored, isProbed };
}

interface Travelled {
  readonly plain: ChartOverrides;
  readonly stored: ChartOverrides;
  readonly isProbed: boolean;
}

describe.skipIf(binary?.path === undefined)("a bundle's recipe", () => {
  test('avoids probing if it moves everything', async () => {
    const { plain, stored, isProbed } = await bundleAndDerive({}, async () => ({}));
    expect(isProbed).toBe(false);
    expect(stored.proof).toEqual({ references: 2, rewritten: 2, residue: [] });
    expect(stored.overrides).toEqual(plain.overrides);
  });

  test('created with --set of a default leaves no reference public that the chart can move', async () => {
    const bundledOptions = { set: ['image.repository=quay.io/acme/app'] };
    const { plain, stored } = await bundleAndDerive(bundledOptions, async () => ({}));
    expect(stored.proof).toEqual({ references: 2, rewritten: 2, residue: [] });
    expect(stored.overrides).toEqual(plain.overrides);
  });

  test('created with --set moves the same references with values from a file', async () => {
    const bundledOptions = { set: ['image.repository=ghcr.io/other/app', 'side.repository=ghcr.io/other/side'] };
    const { plain, stored } = await bundleAndDerive(bundledOptions, async (folder) => {
      const file = join(folder, 'site.yaml');
      await writeFile(file, 'image: {repository: ghcr.io/other/app}\nside: {repository: ghcr.io/other/side}\n');
      return { values: [file] };
    });
    expect(stored.proof).toEqual({ references: 2, rewritten: 2, residue: [] });
    expect(stored.overrides).toEqual(plain.overrides);
  });
});
