import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import { Helm } from '../../../src/helm/helm.ts';
import { Renderer, type RenderOptions } from '../../../src/helm/render.ts';
import type { StoredRecipe } from '../../../src/inventory/recipe.ts';
import { parseTarget } from '../../../src/naming/naming.ts';
import { type ChartOverrides, overrideChart } from '../../../src/overrides/override-chart.ts';
import { searchCharts } from '../../../src/search/search-charts.ts';
import { type ImagesOptions, type ImagesResult, images } from '../../../src/workflows/images/images.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

const VALUES = `
agent: {image: acme/agent}
convert: {image: quay.io/acme/convert:1}
registry: {image: {repository: acme/part, tag: "1"}}
crds: {remote: true, url: https://get.acme.io/crds}
metrics: {enabled: false}
cache: {enabled: false}
fragile: {enabled: false}
`;

const container = (image: string): string => `spec: {containers: [{name: c, image: "${image}"}]}`;

const TEMPLATES = {
  'templates/agent.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Values.agent.image | replace "/" "-" }}}
data:
  first: |
    start {{ .Values.agent.image }} now
    only {{ .Values.registry.image.repository }} of it
  copy: |
    name: all
    agent: {image: {{ .Values.agent.image }}}
`,
  'templates/upgrade.yaml': `
{{- if .Release.IsUpgrade }}
apiVersion: v1
kind: Pod
metadata: {name: convert}
${container('{{ .Values.convert.image }}')}
---
{{- end }}
apiVersion: v1
kind: Pod
metadata: {name: always}
${container('quay.io/acme/app:{{ if .Release.IsUpgrade }}2{{ else }}1{{ end }}')}
`,
  'templates/crds.yaml': `
{{- if .Values.crds.remote }}
apiVersion: v1
kind: Pod
metadata: {name: crds, annotations: {helm.sh/hook: pre-install}}
spec: {containers: [{name: c, image: "quay.io/acme/kubectl:1", command: [kubectl, apply, -f, "{{ .Values.crds.url }}/all.yaml"]}]}
{{- end }}
`,
  'templates/optional.yaml': `
{{- if .Values.metrics.enabled }}
apiVersion: v1
kind: Pod
metadata: {name: metrics}
${container('quay.io/acme/exporter:1')}
{{- end }}
---
{{- if .Values.fragile.enabled }}{{ fail "fragile needs a licence" }}{{ end }}
{{- if and .Values.metrics.enabled .Values.cache.enabled }}
apiVersion: v1
kind: Pod
metadata: {name: cache-metrics}
${container('quay.io/acme/cache-exporter:1')}
{{- end }}
`,
};

describe.each(HELMS)('under Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);

  async function run(
    options: Partial<ImagesOptions> = {},
    files: Readonly<Record<string, string>> = TEMPLATES,
  ): Promise<ImagesResult & { warnings: string[] }> {
    const scratch = scratchFolder();
    await writeFiles(join(scratch, 'app'), { 'Chart.yaml': chartYaml('app'), 'values.yaml': VALUES, ...files });
    const warnings: string[] = [];
    const context = {
      env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch },
      cwd: scratch,
      emit: (event: AirgapEvent) => void (event.type === 'warning' && warnings.push(event.message)),
    };
    const charts = [{ request: { chart: './app' }, profiles: [{ name: 'default', options: {} }] }];
    return { ...(await images(context, { charts, add: [], ...options })), warnings };
  }

  test('an image leaf builds a reference, a part of one does not', async () => {
    const { images: found } = await run();
    const influenced = found.flatMap((finding) => finding.found.filter(({ how }) => how === 'influence'));
    expect(influenced).toEqual([
      expect.objectContaining({ path: 'data.first', within: 'line 1', written: 'acme/agent', values: ['agent.image'] }),
    ]);
    expect(found).toContainEqual(
      expect.objectContaining({ reference: 'docker.io/acme/agent:latest', confidence: 'likely', need: 'operand' }),
    );
    expect(found.map(({ reference }) => reference).join()).not.toContain('acme/part');
  });

  test('images that only an upgrade contains are included, with its profile', async () => {
    const { images: all } = await run();
    const found = all.map(({ reference, need, found }) => [reference, need, found[0]?.profile]);
    expect(found).toContainEqual(['quay.io/acme/app:1', 'install', 'default']);
    expect(found).toContainEqual(['quay.io/acme/app:2', 'lifecycle', 'default (upgrade)']);
    expect(found).toContainEqual(['quay.io/acme/convert:1', 'lifecycle', 'default (upgrade)']);
    const convert = all.find(({ reference }) => reference === 'quay.io/acme/convert:1');
    expect(convert?.found[0]?.values, 'traced like the places of the install').toEqual(['convert.image']);
    expect(found.filter(([reference]) => reference === 'quay.io/acme/kubectl:1')).toHaveLength(1);
  });

  test('a chart that refuses an upgrade is searched as an install, with a warning', async () => {
    const { images: found, warnings } = await run(
      {},
      {
        'templates/a.yaml': `{{- if .Release.IsUpgrade }}{{ include "old-password" . }}{{ end }}
{{- define "old-password" }}{{ fail "the old password is needed" }}{{ end }}
kind: Pod
${container('quay.io/acme/app:1')}
`,
      },
    );
    expect(found.map(({ reference }) => reference)).toEqual(['quay.io/acme/app:1']);
    expect(warnings).toEqual([expect.stringMatching(/app 1\.0\.0 .*upgrade.*old password/s)]);
  });

  test('a network need has the most specific value that disables it', async () => {
    const { network } = await run({ networkSwitches: true });
    expect(network).toEqual([
      expect.objectContaining({
        url: 'https://get.acme.io/crds/all.yaml',
        found: [expect.objectContaining({ values: ['crds.remote'] })],
      }),
    ]);
    expect((await run()).network[0]?.found[0]).not.toHaveProperty('values');
    expect((await run({ hooks: false })).network).toEqual([]);
  });

  test('a setting that removes a whole script disables only what it names itself', async () => {
    const script = ['a', 'b', 'c'].map((name) => `helm repo add ${name} {{ .Values.${name}.repository }}`).join('; ');
    const { network } = await run(
      { networkSwitches: true },
      {
        'values.yaml': ['a', 'b', 'c']
          .map((name) => `${name}: {repository: "https://${name}.acme.io/charts"}\n`)
          .join(''),
        'templates/job.yaml': `{{ if and .Values.a.repository .Values.b.repository .Values.c.repository }}
apiVersion: v1
kind: Pod
metadata: {name: installer}
spec: {containers: [{name: c, image: "r.example/helm:1", command: [sh, -c, "${script}"]}]}
{{ end }}`,
      },
    );
    expect(network.map(({ url, found }) => [url, found[0]?.values])).toEqual(
      ['a', 'b', 'c'].map((name) => [`https://${name}.acme.io/charts`, [`${name}.repository`]]),
    );
  });

  test('optional components are listed with the values that enable them, whatever others the chart refuses', async () => {
    const { whatIf, images: found } = await run({ whatIf: true });
    expect(whatIf?.map(({ reference, need, switches }) => [reference, need, switches])).toEqual([
      ['quay.io/acme/cache-exporter:1', 'optional', []],
      ['quay.io/acme/exporter:1', 'optional', ['metrics.enabled']],
    ]);
    expect(found.map(({ reference }) => reference)).not.toContain('quay.io/acme/exporter:1');
    expect((await run()).whatIf).toBeUndefined();
  });

  test('a pattern without a match causes a warning', async () => {
    const { warnings } = await run({
      exclude: [{ pattern: 'quay.io/acme/kubectl' }, { pattern: 'quay.io/acme/kubeclt' }],
    });
    expect(warnings).toEqual([expect.stringContaining('--exclude quay.io/acme/kubeclt')]);
  });
});

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
  const isProbed = events.some((event) => event.type === 'note' && /probing again/.test(event.message));
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
