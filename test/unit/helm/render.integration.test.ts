import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tar from 'tar';
import { beforeAll, describe, expect, it } from 'vitest';
import { packChart } from '../../../src/helm/chart-archive.ts';
import { parseMetadata } from '../../../src/helm/chart-metadata.ts';
import type { Helm } from '../../../src/helm/helm.ts';
import { Renderer } from '../../../src/helm/render.ts';
import { CHARTS, chartYaml, writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { helmIn } from '../../support/isolated-helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

const SEEN = 'kind: ConfigMap\nmetadata: {name: seen}\ndata:\n  values: {{ .Values | toJson | quote }}\n';
const FAMILY = {
  'Chart.yaml': chartYaml(
    'family',
    '1.0.0',
    `dependencies:
  - {name: db, version: 1.0.0}
  - {name: db, version: 1.0.0, alias: second}
  - {name: extra, version: 1.0.0, condition: extra.enabled}
`,
  ),
  'values.yaml':
    'global: {registry: r.example}\na: 1\nlist: [1, 2]\ndb: {image: {tag: "2"}}\nextra: {enabled: false}\ngone: {x: 1}\n',
  'templates/seen.yaml': SEEN,
  'charts/db/Chart.yaml': chartYaml('db'),
  'charts/db/values.yaml': 'image: {repository: db, tag: "1"}\nglobal: {own: true}\n',
  'charts/db/templates/seen.yaml': SEEN,
  'charts/extra/Chart.yaml': chartYaml('extra'),
  'charts/extra/values.yaml': 'x: y\n',
  'charts/extra/templates/seen.yaml': SEEN,
};

describe.for(HELMS)('Renderer with Helm $version', (binary) => {
  let cwd: string;
  let helm: Helm;
  let runs = 0;
  const test = it.skipIf(binary.path === undefined);

  /** Returns a renderer for an unpacked chart. */
  async function renderer(chart: string | Readonly<Record<string, string>>): Promise<Renderer> {
    const parent = join(cwd, `chart-${runs++}`);
    const folder = join(parent, 'chart');
    if (typeof chart === 'string') await cp(chart, folder, { recursive: true });
    else await writeFiles(folder, chart);
    const metadata = parseMetadata(await readFile(join(folder, 'Chart.yaml'), 'utf8'), folder);
    const request = { chart: folder };
    const archive = join(parent, 'chart.tgz');
    await packChart(folder, archive);
    const fetched = {
      metadata,
      archive,
      root: 'chart',
      provenance: undefined,
      source: 'chart',
      request,
      fetchedRequest: request,
    };
    return new Renderer(helm, fetched, join(parent, 'render'));
  }

  beforeAll(async () => {
    if (binary.path === undefined) return;
    cwd = scratchFolder();
    helm = helmIn(cwd, binary);
  });

  test('adds its own template first to the copy of the chart, with a random name', async () => {
    const names = new Set<string>();
    for (let i = 0; i < 2; i++) {
      await (await renderer(FAMILY)).render({});
      const entries: string[] = [];
      const file = join(cwd, `chart-${runs - 1}`, 'render', 'chart.tgz');
      await tar.list({ file, onReadEntry: ({ path }) => entries.push(path) });
      expect(entries[0]).toMatch(/^chart\/templates\/airgap-coalesced-values-[0-9a-f]{32}\.yaml$/);
      expect(entries).toHaveLength(Object.keys(FAMILY).length + 1);
      names.add(entries[0] as string);
    }
    expect(names.size).toBe(2);
  });

  test('returns the values that templates receive: subcharts, aliases, globals, command line', async () => {
    await writeFile(
      join(cwd, 'site.yaml'),
      'a: 2\nlist: [3]\ngone: null\nsecond: {image: {tag: "<&\\u00a0\\u2028>"}}\n',
    );
    const { values, documents } = await (await renderer(FAMILY)).render({ values: ['site.yaml'], set: ['b=4'] });
    const seen = Object.fromEntries(
      documents.map(({ template, object }) => [
        template,
        JSON.parse(String((object?.data as { values?: string } | undefined)?.values)),
      ]),
    );
    expect(values).toEqual(seen['family/templates/seen.yaml']);
    expect(values).toMatchObject({ a: 2, b: 4, list: [3], global: { registry: 'r.example' } });
    expect(values).not.toHaveProperty('gone');
    expect(values.db).toMatchObject({
      image: { repository: 'db', tag: '2' },
      global: { registry: 'r.example', own: true },
    });
    expect(values.second).toMatchObject({ image: { repository: 'db', tag: '<&\u00a0\u2028>' } });
    const children = Object.keys(seen).filter((template) => template.includes('/charts/'));
    expect(children.sort()).toEqual([
      'family/charts/db/templates/seen.yaml',
      'family/charts/second/templates/seen.yaml',
    ]);
    expect(values.second).toEqual(seen['family/charts/second/templates/seen.yaml']);
  });

  test('applies overrides after values files and before --set, like a last -f', async () => {
    await writeFile(join(cwd, 'site.yaml'), 'a: file\nc: file\n');
    const chart = await renderer(FAMILY);
    const { values } = await chart.render({ values: ['site.yaml'], set: ['c=set'] }, { a: 'override', c: 'override' });
    expect(values).toMatchObject({ a: 'override', c: 'set' });
    expect((await chart.render({ values: ['site.yaml'] })).values, 'the next render is not affected').toMatchObject({
      a: 'file',
    });
  });

  test.each<[string, string | Record<string, string>, object, string, string]>([
    [
      'a required value',
      join(CHARTS, 'broken'),
      {},
      'database.host is needed: the name of the database server',
      '-f or --set',
    ],
    [
      'a schema',
      { 'Chart.yaml': chartYaml('web'), 'values.schema.json': '{"type":"object","required":["site"]}' },
      {},
      'site',
      '--skip-schema-validation',
    ],
    [
      'a kubeVersion',
      { 'Chart.yaml': chartYaml('web', '1.0.0', 'kubeVersion: ">=1.99.0"\n') },
      {},
      '>=1.99.0',
      '--kube-version',
    ],
    [
      'a broken template',
      { 'Chart.yaml': chartYaml('web'), 'templates/a.yaml': '{{ .Values.a.b.c }}' },
      {},
      'nil pointer',
      '-f or --set',
    ],
    [
      'broken YAML',
      { 'Chart.yaml': chartYaml('web'), 'templates/a.yaml': 'a: b: c\n' },
      {},
      'web/templates/a.yaml',
      '-f or --set',
    ],
  ])("reports Helm's message for a chart with %s", async (_, files, options, message, hint) => {
    const chart = await renderer(files);
    const error = await chart.render(options).then(
      () => expect.fail('rendered'),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'chart-render', message: expect.stringContaining(message) });
    expect(error).toMatchObject({ exitCode: 1, hint: expect.stringContaining(hint) });
    expect(String(error), 'names the chart instead of the copy').not.toContain(cwd);
  });

  test('refuses a library chart', async () => {
    const chart = await renderer({ 'Chart.yaml': chartYaml('lib', '1.0.0', 'type: library\n') });
    await expect(chart.render({})).rejects.toMatchObject({
      code: 'chart-invalid',
      hint: expect.stringContaining('library'),
    });
  });

  test('reports a missing values file as wrong usage', async () => {
    const chart = await renderer({ 'Chart.yaml': chartYaml('web') });
    await expect(chart.render({ values: ['none.yaml'] })).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    await expect(chart.render({ set: ['none'] })).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    await rm(join(cwd, 'none.yaml'), { force: true });
  });

  // The remaining tests do not depend on the version of Helm.
  if (binary !== HELMS[0]) return;

  test('returns hooks and tests, but not its own template', async () => {
    const { documents } = await (await renderer(join(CHARTS, 'shop'))).render({});
    const templates = documents.map(({ template }) => template);
    expect(templates).toContain('shop/templates/migrations.yaml');
    expect(templates).toContain('shop/templates/tests/reachable.yaml');
    expect(templates.filter((template) => template.includes('airgap'))).toEqual([]);
  });

  test('renders all packaged files, even those in .helmignore', async () => {
    const files = {
      'Chart.yaml': chartYaml('web'),
      '.helmignore': 'airgap*\nREADME.md\n',
      'templates/a.yaml': 'kind: A\n',
      'README.md': 'x',
    };
    expect((await (await renderer(files)).render({})).documents).toHaveLength(1);
  });

  test('renders a chart without templates', async () => {
    const { documents, values } = await (
      await renderer({ 'Chart.yaml': chartYaml('web'), 'values.yaml': 'a: 1' })
    ).render({});
    expect([documents, values]).toEqual([[], { a: 1 }]);
  });

  test('passes on name, namespace, versions and upgrade', async () => {
    const text =
      'n: {{ .Release.Name }}/{{ .Release.Namespace }}/{{ .Release.IsUpgrade }}/{{ .Capabilities.KubeVersion.Minor }}/{{ .Capabilities.APIVersions.Has "x.example/v1" }}/{{ .Values.s }}/{{ .Values.j.k }}/{{ .Values.l }}\n';
    const chart = await renderer({ 'Chart.yaml': chartYaml('web'), 'templates/a.yaml': text });
    const { documents } = await chart.render({
      releaseName: 'rel',
      namespace: 'space',
      isUpgrade: true,
      kubeVersion: '1.29.3',
      apiVersions: ['y.example/v1', 'x.example/v1'],
      setString: ['s=007'],
      setJson: ['j={"k":5}'],
      setLiteral: ['l=a,b=c'],
    });
    expect(documents[0]?.object?.n).toBe('rel/space/true/29/true/007/5/a,b=c');
  });

  test('renders after following the hints', async () => {
    const schema = { 'Chart.yaml': chartYaml('web'), 'values.schema.json': '{"type":"object","required":["site"]}' };
    expect((await (await renderer(schema)).render({ skipSchemaValidation: true })).documents).toEqual([]);
    const futureChart = { 'Chart.yaml': chartYaml('web', '1.0.0', 'kubeVersion: ">=1.99.0"\n') };
    expect((await (await renderer(futureChart)).render({ kubeVersion: '1.99.1' })).documents).toEqual([]);
    expect(
      (await (await renderer(join(CHARTS, 'broken'))).render({ set: ['database.host=db'] })).documents,
    ).toHaveLength(1);
  });
});
