import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { packChart } from '../../../../src/helm/chart-archive.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import type { Pattern } from '../../../../src/search/selection.ts';
import { type UmbrellaOverrides, umbrellaValues } from '../../../../src/workflows/values/umbrella-chart.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const TARGET = parseTarget('registry.internal.example/mirror', 'host-path');

/** Chart whose Job installs the map of charts in its values. */
function parent(name: string, script: string, values: string): Record<string, string> {
  const lines = script.split('\n').map((line) => `                ${line}`);
  return {
    'Chart.yaml': chartYaml(name),
    'values.yaml': values,
    'templates/job.yaml': `apiVersion: batch/v1
kind: Job
metadata: {name: installer}
spec:
  template:
    spec:
      containers:
        - name: helm
          image: quay.io/tools/helm:1
          command:
            - sh
            - -c
            - |
${lines.join('\n')}
`,
  };
}

function leaf(name: string, version = '1.0.0'): Record<string, string> {
  return {
    'Chart.yaml': chartYaml(name, version),
    'values.yaml': 'image: quay.io/shop/web\ntag: default\n',
    'templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: "{{ .Values.image }}:{{ .Values.tag }}"}]}\n',
  };
}

const PASSED = `echo "{{ $chart.values | toYaml | b64enc }}" | base64 -d > /tmp/{{ $key }}.yaml`;
const loop = (call: string): string => `{{- range $key, $chart := .Values.charts }}
${PASSED}
${call} --version {{ $chart.version }} --values /tmp/{{ $key }}.yaml
{{- end }}`;
const WHOLE = loop('helm upgrade --install {{ $key }} {{ $chart.repository }}');
const ENTRY = 'charts: {web: {repository: "oci://charts.example/c/web", version: 1.0.0, values: {tag: given}}}\n';

describe.for(HELMS.slice(-1))('an umbrella chart with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);

  async function of(
    outer: string,
    charts: Record<string, Record<string, string>>,
    exclude: readonly Pattern[] = [],
  ): Promise<UmbrellaOverrides> {
    const scratch = scratchFolder();
    const archives = join(scratch, 'archives');
    await mkdir(archives);
    for (const [name, files] of Object.entries(charts)) {
      await packChart(await writeFiles(join(scratch, name), files), join(archives, `${name}-1.0.0.tgz`));
    }
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch, HOME: scratch };
    const [result] = await umbrellaValues(
      { env, cwd: scratch, emit: ignoreEvents },
      {
        request: { chart: join(scratch, outer) },
        bundle: undefined,
        target: TARGET,
        onPurpose: { exclude },
        render: {},
        chartSources: { mirrors: [{ from: '*', to: { folder: archives } }], plainHttp: [] },
      },
    );
    if (result === undefined) throw new Error('nothing came of it');
    return result;
  }

  const entryOf = ({ overrides }: UmbrellaOverrides, key = 'web'): unknown =>
    (overrides.charts as Record<string, unknown>)[key];

  test('uses the chart address if the installer expects one', async () => {
    const result = await of('app', { app: parent('app', WHOLE, ENTRY), web: leaf('web') });
    expect(result.left).toEqual([]);
    expect(entryOf(result)).toEqual({
      repository: 'oci://registry.internal.example/mirror/charts/web',
      version: '1.0.0',
      values: { image: 'registry.internal.example/mirror/quay.io/shop/web' },
    });
    // The installer's own image is hard-coded.
    const residue = result.proofs.map(({ chart, entry, proof }) => [
      chart,
      entry,
      proof.residue.map(({ reference }) => reference),
    ]);
    expect(residue).toEqual([
      ['app', '', ['quay.io/tools/helm:1']],
      ['web', 'charts.web.values', []],
    ]);
  });

  test('leaves out excluded charts, and images of the others', async () => {
    const charts = `${ENTRY.slice(0, -2)}, gone: {repository: "oci://charts.example/c/gone", version: 1.0.0}}\n`;
    const exclude = [{ pattern: 'gone' }, { pattern: '*/web', reason: 'later' }, { pattern: 'quay.io/tools/*' }];
    const result = await of('app', { app: parent('app', WHOLE, charts), web: leaf('web') }, exclude);
    expect(result.left).toEqual([]);
    expect(result.proofs.map(({ chart, proof }) => [chart, proof.references, proof.residue])).toEqual([
      ['app', 0, []],
      ['web', 0, []],
    ]);
    expect(result.proofs[1]?.proof.allowed).toMatchObject([{ reference: 'quay.io/shop/web:given', reason: 'later' }]);
    expect(result.overrides.charts).toEqual({
      web: { repository: 'oci://registry.internal.example/mirror/charts/web', version: '1.0.0' },
    });
    expect(result.yaml).toContain('# Public on purpose: quay.io/shop/web:given (later)');
  });

  test('uses the parent repository if the installer appends the chart name', async () => {
    const script = loop('helm upgrade --install {{ $key }} {{ $chart.repository }}/{{ $key }}');
    const values = 'charts: {web: {repository: "oci://charts.example/c", version: 1.0.0}}\n';
    const result = await of('app', { app: parent('app', script, values), web: leaf('web') });
    expect(result.left).toEqual([]);
    expect(entryOf(result)).toMatchObject({ repository: 'oci://registry.internal.example/mirror/charts' });
  });

  test('reports an installer that only supports repositories with an index', async () => {
    const script = `helm repo add web {{ .Values.charts.web.repository }}\n${loop('helm upgrade --install web web/web')}`;
    const values = 'charts: {web: {repository: "https://charts.example", version: 1.0.0}}\n';
    const result = await of('app', { app: parent('app', script, values), web: leaf('web') });
    expect(result.left).toEqual([expect.stringMatching(/^charts\.web \(chart web 1\.0\.0\): .*target$/)]);
    expect(result.yaml).toContain('# Not redirected: charts.web');
  });

  test('reports an installer that does not pass values on', async () => {
    const script =
      'helm upgrade --install web {{ .Values.charts.web.repository }} --version {{ .Values.charts.web.version }}';
    const values = 'charts: {web: {repository: "oci://charts.example/c/web", version: 1.0.0}}\n';
    const result = await of('app', { app: parent('app', script, values), web: leaf('web') });
    expect(result.left).toEqual([expect.stringMatching(/^charts\.web \(chart web 1\.0\.0\): .*overrides/)]);
  });

  test('has the pushed version, whatever the parent specifies', async () => {
    const result = await of('app', { app: parent('app', WHOLE, ENTRY), web: leaf('web', 'v1.0.0') });
    expect(entryOf(result)).toMatchObject({ version: 'v1.0.0' });
  });

  test('includes charts installed by the installed charts', async () => {
    const values = ENTRY.replaceAll('web', 'middle');
    const result = await of('app', {
      app: parent('app', WHOLE, values),
      middle: parent('middle', WHOLE, ENTRY),
      web: leaf('web'),
    });
    expect(result.left).toEqual([]);
    expect(result.proofs.map(({ entry }) => entry)).toEqual([
      '',
      'charts.middle.values',
      'charts.middle.values.charts.web.values',
    ]);
    expect(entryOf(result, 'middle')).toMatchObject({
      values: { charts: { web: { values: { image: 'registry.internal.example/mirror/quay.io/shop/web' } } } },
    });
  });

  test('reports a chart that cannot be fetched, and continues', async () => {
    const values = ENTRY.replace('}}}', '}}, gone: {repository: "oci://charts.example/c/gone", version: 1.0.0}}');
    const result = await of('app', { app: parent('app', WHOLE, values), web: leaf('web') });
    expect(result.left).toEqual([expect.stringMatching(/^charts\.gone: .*\bgone 1\.0\.0\b/)]);
    expect(entryOf(result)).toMatchObject({ version: '1.0.0' });
  });
});
