import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { packChart } from '../../../src/helm/chart-archive.ts';
import type { Finding } from '../../../src/inventory/finding.ts';
import { type ImagesOptions, type ImagesResult, images } from '../../../src/workflows/images/images.ts';
import { CHARTS, chartYaml, writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** A chart that installs others through Argo CD: name → version, or values under a name with a version. */
function parent(
  name: string,
  children: readonly { name: string; version?: string; values?: object }[],
): Record<string, string> {
  const applications = children.map((child, i) => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: `app-${i}` },
    spec: {
      source: {
        repoURL: 'https://charts.example',
        chart: child.name,
        targetRevision: child.version ?? '1.0.0',
        helm: { valuesObject: child.values ?? {} },
      },
    },
  }));
  const pod = { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ image: `r.example/${name}:1` }] } };
  return {
    'Chart.yaml': chartYaml(name),
    'templates/all.yaml': [pod, ...applications].map((object) => JSON.stringify(object)).join('\n---\n'),
  };
}

/** A chart with one image, whose tag is a value. */
function leaf(name: string): Record<string, string> {
  return {
    'Chart.yaml': chartYaml(name),
    'values.yaml': `tag: default\n`,
    'templates/pod.yaml': `apiVersion: v1\nkind: Pod\nspec: {containers: [{image: "r.example/${name}:{{ .Values.tag }}"}]}\n`,
  };
}

// Helm's versions differ in what values and errors look like; test/unit/helm has both.
describe.for(HELMS.slice(-1))('charts within charts with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);

  interface Site {
    readonly path: string;
    readonly events: AirgapEvent[];
    images(chart: string, options?: Partial<ImagesOptions>): Promise<ImagesResult>;
  }

  /** A scratch folder with charts, packed into `archives`. */
  async function site(charts: Record<string, Record<string, string> | string>): Promise<Site> {
    const scratch = scratchFolder();
    await mkdir(join(scratch, 'archives'));
    for (const [name, files] of Object.entries(charts)) {
      const folder = typeof files === 'string' ? files : await writeFiles(join(scratch, name), files);
      const version = /version: (\S+)/.exec(await readFile(join(folder, 'Chart.yaml'), 'utf8'))?.[1];
      await packChart(folder, join(scratch, `archives/${name}-${version}.tgz`));
    }
    const events: AirgapEvent[] = [];
    await mkdir(join(scratch, 'tmp'));
    const context = {
      env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: join(scratch, 'tmp'), HOME: scratch },
      cwd: scratch,
      emit: (event: AirgapEvent) => void events.push(event),
    };
    const chartSources = { mirrors: [{ from: '*', to: { folder: join(scratch, 'archives') } }], plainHttp: [] };
    return {
      path: scratch,
      events,
      images: (chart, options = {}) =>
        images(context, {
          charts: [{ request: { chart }, profiles: [{ name: 'default', options: {} }] }],
          add: [],
          chartSources,
          ...options,
        }),
    };
  }

  const sure = ({ images }: ImagesResult): string[] =>
    images.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference);
  const named = ({ charts }: ImagesResult): string[] =>
    charts.map(({ name, via }) => (via === undefined ? name : `${name} by ${via.chart}`));
  const finding = ({ images }: ImagesResult, reference: string): Finding | undefined =>
    images.find((image) => image.reference === reference);

  test('are rendered with the values of Argo CD, Flux, k3s and a job', async () => {
    const here = await site({ shop: join(CHARTS, 'shop') });
    const result = await here.images(join(CHARTS, 'platform'));
    expect(result.failures).toEqual([]);
    expect(named(result)).toEqual(['platform', 'shop by platform']);
    expect(result.charts[1]).toMatchObject({
      version: '1.4.0',
      source: expect.stringMatching(/^https:\/\/charts\.example\//),
      profiles: ['default'],
      via: { chart: 'platform', template: expect.stringMatching(/^platform\/templates\//) },
    });
    expect(sure(result).filter((name) => /platform|web|worker|reports/.test(name))).toEqual([
      'quay.io/shop-tools/reports:0.9.2',
      'quay.io/shop-tools/reports:9.0.0',
      'registry.example/platform/installer:1.0.0',
      'registry.example/shop/web:10.0.0',
      'registry.example/shop/web:7.0.0',
      'registry.example/shop/web:8.0.0',
      'registry.example/shop/web:9.0.1',
      'registry.example/shop/worker:1.4.2',
      'registry.example/shop/worker:10.0.1',
      'registry.example/shop/worker:8.0.1',
    ]);
    expect(finding(result, 'registry.example/shop/web:7.0.0')?.found).toMatchObject([
      {
        chart: 'shop',
        profile: 'default',
        via: ['platform'],
        how: 'pod-spec',
        values: expect.arrayContaining(['image.repository']),
      },
    ]);
    expect(await readdir(join(here.path, 'tmp')), 'the scratch folder is gone').toEqual([]);
  });

  test("have images of their defaults and the parent's other values files as possible", async () => {
    const here = await site({ shop: join(CHARTS, 'shop') });
    const result = await here.images(join(CHARTS, 'platform'));
    expect(finding(result, 'registry.example/shop/web:1.4.2')).toMatchObject({
      confidence: 'possible',
      need: 'optional',
      found: expect.arrayContaining([expect.objectContaining({ profile: 'default (chart defaults)' })]),
    });
    expect(finding(result, 'registry.example/shop/proxy:3.0.0')).toMatchObject({
      confidence: 'possible',
      found: [{ profile: 'default (valuesProduction.yaml)' }],
    });
  });

  test('are searched recursively, each install once, also in cycles', async () => {
    const here = await site({
      top: parent('top', [{ name: 'a' }, { name: 'b' }]),
      a: parent('a', [{ name: 'b' }, { name: 'leaf', values: { tag: 'x' } }]),
      b: parent('b', [{ name: 'a' }, { name: 'leaf', values: { tag: 'y' } }]),
      leaf: leaf('leaf'),
    });
    const result = await here.images('./top');
    expect(result.failures).toEqual([]);
    expect(named(result)).toEqual(['top', 'a by top', 'b by top', 'leaf by a']);
    expect(sure(result)).toEqual([
      'r.example/a:1',
      'r.example/b:1',
      'r.example/leaf:x',
      'r.example/leaf:y',
      'r.example/top:1',
    ]);
    expect(finding(result, 'r.example/leaf:x')?.found[0]?.via).toEqual(['top', 'a']);
    const renders = here.events.filter((event) => event.type === 'step').map(({ title }) => title);
    expect(renders.filter((title) => /^rendering a \d\S*$/.test(title))).toHaveLength(1);
  });

  test('that are also named are merged', async () => {
    const here = await site({ top: parent('top', [{ name: 'leaf', values: { tag: 'x' } }]), leaf: leaf('leaf') });
    const profiles = [{ name: 'default', options: {} }];
    const jobs = ['./top', './leaf'].map((chart) => ({ request: { chart }, profiles }));
    const result = await here.images('', { charts: jobs });
    expect(named(result)).toEqual(['top', 'leaf']);
    expect(sure(result)).toEqual(['r.example/leaf:default', 'r.example/leaf:x', 'r.example/top:1']);
  });

  test('that fail are reported with their parents; other results are kept', async () => {
    const here = await site({
      top: parent('top', [{ name: 'gone' }, { name: 'broken' }, { name: 'leaf' }, { name: '{{ .chart }}' }]),
      broken: { ...leaf('broken'), 'templates/fail.yaml': '{{ required "host is needed" .Values.host }}' },
      leaf: leaf('leaf'),
    });
    // Braces would be a template of Helm's own.
    await writeFiles(here.path, {
      'top/templates/all.yaml': (await readFile(join(here.path, 'top/templates/all.yaml'), 'utf8')).replace(
        '{{ .chart }}',
        '{{ "{{ .chart }}" }}',
      ),
    });
    const result = await here.images('./top');
    expect(sure(result)).toEqual(['r.example/leaf:default', 'r.example/top:1']);
    expect(result.failures).toMatchObject([
      {
        code: 'chart-not-found',
        message: expect.stringMatching(/\bgone 1\.0\.0 .*https:\/\/charts\.example\b.*\btop\b/),
        hint: expect.stringMatching(/--chart-mirror 'https:\/\/charts\.example=.*--exclude 'gone'/),
      },
      { code: 'chart-render', message: expect.stringMatching(/\bbroken\b.*host is needed/s) },
      { code: 'chart-not-found', message: expect.stringContaining('"{{ .chart }}"') },
    ]);
  });

  test('are excluded by name, or all', async () => {
    const here = await site({ top: parent('top', [{ name: 'gone' }, { name: 'leaf' }]), leaf: leaf('leaf') });
    const result = await here.images('./top', { exclude: [{ pattern: 'go*' }] });
    expect(result.failures).toEqual([]);
    expect(named(result)).toEqual(['top', 'leaf by top']);
    const alone = await here.images('./top', { nestedCharts: false });
    expect(named(alone)).toEqual(['top']);
    expect(alone.failures).toEqual([]);
  });

  test('without end are stopped at the limit, and reported', async () => {
    const endless = parent('endless', [{ name: 'endless', values: { level: 'LEVEL' } }]);
    const next = '{{ printf "%vx" (.Values.level | default "") }}';
    const here = await site({
      endless: { ...endless, 'templates/all.yaml': endless['templates/all.yaml']?.replace('LEVEL', next) ?? '' },
    });
    const result = await here.images('./endless');
    expect(result.failures).toMatchObject([
      { code: 'unsupported', message: expect.stringContaining('endless > endless > endless > endless') },
    ]);
  });

  test('have warnings about values that the render does not contain', async () => {
    const release = { chart: { spec: { chart: 'leaf', sourceRef: { kind: 'HelmRepository', name: 'r' } } } };
    const spec = { ...release, valuesFrom: [{ kind: 'Secret', name: 'site' }] };
    const object = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: { name: 'x' }, spec };
    const here = await site({
      top: { 'Chart.yaml': chartYaml('top'), 'templates/r.yaml': JSON.stringify(object) },
      leaf: leaf('leaf'),
    });
    expect(named(await here.images('./top'))).toEqual(['top', 'leaf by top']);
    expect(here.events).toContainEqual({
      type: 'warning',
      message: expect.stringMatching(/\bleaf\b.*\btop\b.*Secret site/),
    });
    const unmirrored = await here.images('./top', { chartSources: { mirrors: [], plainHttp: [] } });
    expect(unmirrored.failures).toMatchObject([
      { message: expect.stringContaining('leaf'), hint: expect.stringContaining("'*=") },
    ]);
  });

  test('are fetched once from the mirror of their repository, with any number of values', async () => {
    const here = await site({
      top: parent('top', [
        { name: 'leaf', values: { tag: 'x' } },
        { name: 'leaf', values: { tag: 'y' } },
      ]),
      leaf: leaf('leaf'),
    });
    const archive = await readFile(join(here.path, 'archives/leaf-1.0.0.tgz'));
    let fetched = 0;
    const server = createServer((request, response) => {
      if (request.url === '/mirror/index.yaml') {
        const entry = '{apiVersion: v2, name: leaf, version: 1.0.0, urls: [leaf-1.0.0.tgz]}';
        response.end(`apiVersion: v1\nentries:\n  leaf: [${entry}]\n`);
      } else if (request.url === '/mirror/leaf-1.0.0.tgz') {
        fetched++;
        response.end(archive);
      } else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror`;
      const mirrors = [{ from: 'https://charts.example', to: { url } }];
      const result = await here.images('./top', { chartSources: { mirrors, plainHttp: [] } });
      expect(result.failures).toEqual([]);
      expect(sure(result)).toEqual(['r.example/leaf:x', 'r.example/leaf:y', 'r.example/top:1']);
      expect(result.charts[1]?.source, 'upstream, whoever served it').toBe('https://charts.example/leaf');
      expect(fetched).toBe(1);
    } finally {
      server.close();
    }
  });
});
