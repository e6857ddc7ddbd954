import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { packChart } from '../../../../src/helm/chart-archive.ts';
import { readChartFiles } from '../../../../src/helm/chart-files.ts';
import { CHARTS, chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const run = promisify(execFile);
const TO = 'ecr.example/m';
const flags = (chart: string): string[] => ['values', chart, '--to', TO, '--unmapped=repack'];
const pod = (name: string, image: string, more = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${more}}\nspec:\n  containers:\n    - name: busybox\n      image: ${image}\n`;

describe.for(HELMS)('a repacked chart with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);
  const envOf = (folder: string) => ({ PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder });
  const render = async (chart: string, ...more: string[]) =>
    (await run(helm.path ?? '', ['template', 'r', chart, ...more])).stdout;

  test('leaves no public reference, including hooks and text', async () => {
    const scratch = scratchFolder();
    const env = envOf(scratch);
    const args = [...flags(join(CHARTS, 'fixed')), '--out', 'o.yaml'];
    const { code, out, err } = await airgap(args, env, scratch);
    expect([code, out]).toEqual([0, 'o.tgz written\no.yaml written\n']);
    expect(err).toContain('8 of 8 references private');
    const text = await render(join(scratch, 'o.tgz'), '-f', join(scratch, 'o.yaml'));
    expect(text).toContain(`image: ${TO}/docker.io/curlimages/curl:8.10.1`);
    expect(text.replaceAll(new RegExp(`${TO}/\\S+`, 'g'), '')).not.toMatch(/quay\.io|ghcr\.io|docker\.io/);
    const yaml = await readFile(join(scratch, 'o.yaml'), 'utf8');
    expect(yaml).toMatch(/^# Needs .*\bo\.tgz\b/m);
    const record = (await readChartFiles(join(scratch, 'o.tgz'), /^airgap-changes\.json$/)).get('airgap-changes.json');
    expect(JSON.parse(record ?? '')).toMatchObject({ kind: 'ChartChanges', chart: 'fixed', target: TO });
    const first = await readFile(join(scratch, 'o.tgz'));
    expect(await airgap(args, env, scratch)).toMatchObject({ code: 0 });
    expect((await readFile(join(scratch, 'o.tgz'))).equals(first), 'the same bytes again').toBe(true);
  });

  test('is also changed in subcharts: in folders, in archives, and under an alias', async () => {
    const scratch = scratchFolder();
    const child = await writeFiles(join(scratch, 'packed'), {
      'Chart.yaml': chartYaml('packed', '2.0.0'),
      'templates/a.yaml': pod('packed', 'quay.io/x/packed:1'),
    });
    await writeFiles(join(scratch, 'top'), {
      'Chart.yaml': chartYaml('top', '1.0.0', 'dependencies: [{name: sub, version: "1.0.0", alias: other}]\n'),
      'charts/sub/Chart.yaml': chartYaml('sub', '1.0.0', 'appVersion: "7"\n'),
      'charts/sub/templates/a.yaml': pod('sub', 'quay.io/x/sub:{{ .Chart.AppVersion }}'),
      'templates/_helpers.tpl': '{{- define "tool" -}}quay.io/x/tool:{{ .Chart.Version }}{{- end -}}',
      'templates/a.yaml': pod('top', '{{ include "tool" . }}'),
    });
    await packChart(child, join(scratch, 'top/charts/packed-2.0.0.tgz'));
    const args = [...flags('./top'), '--out', 'o.yaml', '-o', 'json'];
    const { code, out } = await airgap(args, envOf(scratch), scratch);
    const { changedChart } = JSON.parse(out) as { changedChart: { changes: { file: string; line: number }[] } };
    expect([code, changedChart.changes.map(({ file, line }) => `${file}:${line}`)]).toEqual([
      0,
      ['charts/packed/templates/a.yaml:7', 'charts/sub/templates/a.yaml:7', 'templates/_helpers.tpl:1'],
    ]);
    const text = await render(join(scratch, 'o.tgz'));
    expect(text.match(/image: .*/g)?.sort()).toEqual([
      `image: ${TO}/quay.io/x/packed:1`,
      `image: ${TO}/quay.io/x/sub:7`,
      `image: ${TO}/quay.io/x/tool:1.0.0`,
    ]);
  });

  // Tests that do not depend on the Helm version run once.
  if (helm !== HELMS[0]) return;

  test('keeps words that are not images, and references assembled by templates stay unmapped', async () => {
    const scratch = scratchFolder();
    await writeFiles(join(scratch, 'c'), {
      'Chart.yaml': chartYaml('c'),
      'templates/a.yaml': pod('a', 'busybox', ', labels: {image: busybox}'),
      'templates/b.yaml': pod('b', '{{ printf "%s/%s" "quay.io/x" .Release.Name }}'),
    });
    const { code, err } = await airgap([...flags('./c'), '--out', 'o.yaml'], envOf(scratch), scratch);
    expect([code, err]).toEqual([3, expect.stringContaining('still public: quay.io/x/release-name:latest')]);
    const text = await render(join(scratch, 'o.tgz'));
    expect(text).toContain('metadata: {name: a, labels: {image: busybox}}');
    expect(text).toContain(`- name: busybox\n      image: ${TO}/docker.io/library/busybox\n`);
  });

  test('is not written for a chart without unmapped references', async () => {
    const scratch = scratchFolder();
    const args = [...flags(join(CHARTS, 'shop')), '--unmapped-chart', 'x.tgz'];
    const { code, out } = await airgap(args, envOf(scratch), scratch);
    expect([code, out.includes('x.tgz')]).toEqual([0, false]);
    await expect(readFile(join(scratch, 'x.tgz'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('does not replace other archives', async () => {
    const scratch = scratchFolder();
    await writeFile(join(scratch, 'o.tgz'), 'mine');
    const args = [...flags(join(CHARTS, 'hardcoded')), '--out', 'o.yaml'];
    const answer = await airgap(args, envOf(scratch), scratch);
    expect(answer).toMatchObject({ code: 1, err: expect.stringContaining('o.tgz') });
    expect(await readFile(join(scratch, 'o.tgz'), 'utf8')).toBe('mine');
  });
});
