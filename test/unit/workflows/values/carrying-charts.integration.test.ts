import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { CHARTS, chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

/** Charts that carry their overrides: what real Helm makes of them. */

const TARGET = 'r.example:5000/m';

/** A chart with a subchart, a global registry that beats all others, a list, a schema, and an image that a value enables. */
const APP: Readonly<Record<string, string>> = {
  'Chart.yaml': `${chartYaml('app', '1.0.0+b')}# dependencies\ndependencies: [{name: sub, version: 0.1.0}]\nannotations: {team: a}\n`,
  'values.yaml': [
    '# values of app',
    'global: {imageRegistry: ""}',
    'replicas: 1',
    'image:',
    '  # where it is',
    '  registry: quay.io',
    '  repository: acme/app # its name',
    'extra:',
    '  enabled: false',
    '  image: ghcr.io/acme/extra:1',
    'sidecars:',
    '  - name: one',
    '    image: quay.io/acme/one:1',
    '',
  ].join('\n'),
  'values.schema.json': JSON.stringify({
    type: 'object',
    properties: {
      image: {
        type: 'object',
        additionalProperties: false,
        properties: { registry: { type: 'string' }, repository: { type: 'string' } },
      },
    },
  }),
  'templates/a.yaml': [
    'kind: Deployment',
    'metadata: {name: a}',
    'spec:',
    '  replicas: {{ .Values.replicas }}',
    '  template:',
    '    spec:',
    '      containers:',
    '        - {name: app, image: "{{ .Values.global.imageRegistry | default .Values.image.registry }}/{{ .Values.image.repository }}:1"}',
    '        {{- range .Values.sidecars }}',
    '        - {name: "{{ .name }}", image: "{{ .image }}"}',
    '        {{- end }}',
    '        {{- if .Values.extra.enabled }}',
    '        - {name: extra, image: "{{ .Values.extra.image }}"}',
    '        {{- end }}',
    '        - name: fixed',
    '          image: busybox:1.36',
    '',
  ].join('\n'),
  'charts/sub/Chart.yaml': chartYaml('sub', '0.1.0'),
  'charts/sub/values.yaml': 'image: {name: quay.io/acme/sub, tag: "1"}\n',
  'charts/sub/templates/b.yaml':
    'kind: Pod\nmetadata: {name: b}\nspec:\n  containers: [{name: b, image: "{{ .Values.image.name }}:{{ .Values.image.tag }}"}]\n',
};

describe.for(HELMS)('charts that carry their overrides, with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);
  const start = async (files: Readonly<Record<string, string>> = APP) => {
    const folder = scratchFolder();
    await writeFiles(join(folder, 'app'), files);
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder };
    const values = (...args: string[]): Promise<Ended> =>
      airgap(['values', './app', '--to', TARGET, '--format', 'chart', ...args], env, folder);
    /** Images in a render of a file. */
    const images = async (file: string, ...args: string[]): Promise<string[]> => {
      const { stdout } = await execa(helm.path ?? '', ['template', 'x', join(folder, file), ...args], { cwd: folder });
      return [...stdout.matchAll(/image: *"?([^\s"}]+)/g)].map(([, image = '']) => image).sort();
    };
    const unpack = async (file: string): Promise<string> => {
      const to = join(folder, `unpacked-${file}`);
      await mkdir(to);
      await execa('tar', ['-xzf', join(folder, file), '-C', to]);
      return join(to, 'app');
    };
    return { folder, values, images, unpack };
  };

  test('render private names alone without any values, and keep comments', async () => {
    const { folder, values, images, unpack } = await start();
    const run = await values('--out', 'app.tgz', '-o', 'json');
    expect(run.code, run.err).toBe(0);
    expect(await images('app.tgz')).toEqual([
      `${TARGET}/docker.io/library/busybox:1.36`,
      `${TARGET}/quay.io/acme/app:1`,
      `${TARGET}/quay.io/acme/one:1`,
      `${TARGET}/quay.io/acme/sub:1`,
    ]);
    const chart = await unpack('app.tgz');
    const text = (APP['values.yaml'] ?? '')
      .replace('registry: quay.io', `registry: ${TARGET}/quay.io`)
      .replace('image: quay.io/acme/one:1', `image: ${TARGET}/quay.io/acme/one:1`);
    const sub = `sub:\n  image:\n    name: ${TARGET}/quay.io/acme/sub\n`;
    expect(await readFile(join(chart, 'values.yaml'), 'utf8')).toBe(text + sub);

    const upstream = /upstream-digest: (sha256:[0-9a-f]{64})/.exec(
      await readFile(join(chart, 'Chart.yaml'), 'utf8'),
    )?.[1];
    expect(await readFile(join(chart, 'Chart.yaml'), 'utf8')).toContain('  team: a\n');
    const digest = `sha256:${createHash('sha256')
      .update(await readFile(join(folder, 'app.tgz')))
      .digest('hex')}`;
    expect(JSON.parse(run.out)).toMatchObject({
      kind: 'Overrides',
      ...{ chart: 'app', version: '1.0.0+b', profiles: ['default'] },
      proof: { references: 4, rewritten: 4, residue: [] },
      overrides: { image: { registry: `${TARGET}/quay.io` } },
      chartArchive: { file: 'app.tgz', digest, upstreamDigest: upstream, changes: [{ from: 'busybox:1.36' }] },
    });
    expect(JSON.parse(await readFile(join(chart, 'airgap-changes.json'), 'utf8'))).toMatchObject({
      ...{ kind: 'ChartChanges', chart: 'app', version: '1.0.0+b', target: TARGET },
      upstream: { digest: upstream },
      changes: [{ file: 'templates/a.yaml', from: 'busybox:1.36' }],
      overrides: JSON.parse(run.out).overrides,
    });
    // A second run replaces the first one's file by the same bytes.
    const before = await readFile(join(folder, 'app.tgz'));
    expect(await values('--out', 'app.tgz')).toMatchObject({ code: 0 });
    expect(before.equals(await readFile(join(folder, 'app.tgz')))).toBe(true);
  });

  test("leave the last word to users' values: replicas, one image, a global registry", async () => {
    const { folder, values, images } = await start();
    await writeFile(
      join(folder, 'site.yaml'),
      'replicas: 7\nimage: {registry: own.example, repository: mine}\nextra: {enabled: true}\n',
    );
    const run = await values('--out', 'app.tgz', '-f', 'site.yaml', '-o', 'json');
    // The image that the user chose is public, and no default changes it.
    expect(run.code, run.err).toBe(3);
    expect(JSON.parse(run.out).proof.residue).toEqual([
      expect.objectContaining({ reference: 'own.example/mine:1', because: expect.stringContaining('image.registry') }),
    ]);
    expect(await images('app.tgz', '-f', 'site.yaml')).toEqual([
      'own.example/mine:1',
      `${TARGET}/docker.io/library/busybox:1.36`,
      // Only the user's values enable this one: it is among the defaults as well.
      `${TARGET}/ghcr.io/acme/extra:1`,
      `${TARGET}/quay.io/acme/one:1`,
      `${TARGET}/quay.io/acme/sub:1`,
    ]);
    expect(await images('app.tgz', '--set', 'global.imageRegistry=g.example')).toContain('g.example/acme/app:1');
    const { stdout } = await execa(helm.path ?? '', ['template', 'x', 'app.tgz', '-f', 'site.yaml'], { cwd: folder });
    expect(stdout).toContain('replicas: 7');
  });

  test("have nothing of the user's values in them", async () => {
    const { folder, values, unpack, images } = await start();
    const site = 'sidecars:\n  - {name: two, image: "quay.io/acme/two:1", secret: hunter2}\nextra: {enabled: true}\n';
    await writeFile(join(folder, 'site.yaml'), site);
    const run = await values('--out', 'app.tgz', '-f', 'site.yaml', '--set', 'replicas=5', '-o', 'json');
    expect(JSON.parse(run.out).proof.residue).toEqual([
      expect.objectContaining({ reference: 'quay.io/acme/two:1', because: expect.stringContaining('sidecars') }),
    ]);
    const chart = await unpack('app.tgz');
    for (const name of ['values.yaml', 'airgap-changes.json', 'Chart.yaml'])
      expect(await readFile(join(chart, name), 'utf8')).not.toMatch(/hunter2|two/);
    expect(await images('app.tgz')).toContain(`${TARGET}/quay.io/acme/one:1`);
  });

  test('may need values, and then say so', async () => {
    const { folder, values, images } = await start({
      ...APP,
      'templates/c.yaml': '{{ required "give a name" .Values.name }}\n',
    });
    expect(await values('--out', 'app.tgz')).toMatchObject({ code: 1 });
    await writeFile(join(folder, 'site.yaml'), 'name: "a: b"\n');
    const run = await values('--out', 'app.tgz', '-f', 'site.yaml', '-o', 'json');
    expect(run.code, run.err).toBe(0);
    expect(JSON.parse(run.out).chartArchive.needsValues).toContain('give a name');
    expect((await images('app.tgz', '-f', 'site.yaml')).filter((image) => !image.startsWith(TARGET))).toEqual([]);
  });

  // Tests that do not depend on the Helm version run once.
  if (helm !== HELMS[0]) return;

  test('are written with what stays public, which is listed and ends with 3', async () => {
    const { values, images } = await start();
    const run = await values('--out', 'app.tgz', '--unmapped=inject', '-o', 'json');
    expect(run.code).toBe(3);
    expect(JSON.parse(run.out).proof).toMatchObject({ rewritten: 3, residue: [{ written: 'busybox:1.36' }] });
    expect(await images('app.tgz')).toContain('busybox:1.36');
  });

  test('cover all profiles of a configuration file at once, in a folder', async () => {
    const { folder, values } = await start();
    const profiles = 'profiles: [{name: a}, {name: b, values: [b.yaml]}]';
    await writeFile(join(folder, 'b.yaml'), 'extra: {enabled: true}\n');
    await writeFile(
      join(folder, 'c.yaml'),
      `apiVersion: airgap/v1\nkind: Config\ncharts:\n  - chart: ./app\n    ${profiles}\n`,
    );
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder };
    const args = [
      'values',
      '--config',
      join(folder, 'c.yaml'),
      '--to',
      TARGET,
      '--format',
      'chart',
      '--out',
      'charts',
      '-o',
      'json',
    ];
    const run = await airgap(args, env, folder);
    expect(run.code, run.err).toBe(0);
    expect(JSON.parse(run.out)).toMatchObject({ profiles: ['a', 'b'], overrides: { extra: {} } });
    expect(await readdir(join(folder, 'charts'))).toEqual(['app-1.0.0+b.tgz']);
    expect(await values('--out', 'x.tgz')).toMatchObject({ code: 0 });
  });

  test('say what to type next, below the prefix', async () => {
    const { values } = await start();
    const { err } = await values('--out', 'app.tgz', '--plain-http', 'r.example:5000');
    expect(err).toContain(
      'next: helm airgap push --chart-archive app.tgz --to r.example:5000/m --chart-prefix m/installed --plain-http r.example:5000\n' +
        '  then: helm upgrade --install app oci://r.example:5000/m/installed/app --version 1.0.0+b --plain-http\n',
    );
    const other = await values('--out', 'app.tgz', '--chart-prefix', 'own');
    expect(other.err).toContain('oci://r.example:5000/own/app');
  });

  test('rewrite values.yaml where it cannot be edited, and say so', async () => {
    const anchored = `${APP['values.yaml']?.replace('image:\n  #', 'image: &i\n  #')}other: *i\n`;
    const { values, images } = await start({ ...APP, 'values.yaml': anchored });
    const { code, out, err } = await values('--out', 'app.tgz', '-o', 'json');
    expect(code, err).toBe(0);
    expect(JSON.parse(out).chartArchive.valuesRewritten).toContain('&i');
    expect(err).toContain('written anew');
    expect(await images('app.tgz')).toContain(`${TARGET}/quay.io/acme/app:1`);
  });

  test('are not written if Helm reads another default from them, also where values of the user win', async () => {
    // `._1` is a number here, and a text for Helm.
    const anchored = `${APP['values.yaml']?.replace('image:\n  #', 'image: &i\n  #')}other: *i\nodd: ._1\n`;
    const { folder, values } = await start({ ...APP, 'values.yaml': anchored });
    const run = await values('--out', 'app.tgz', '--set', 'image.registry=quay.io');
    expect(run, run.out).toMatchObject({ code: 1, out: '' });
    expect(run.err).toContain('other defaults');
    expect(await readdir(folder)).toEqual(['app']);
  });

  test.for([
    { name: 'no path', args: [] },
    { name: 'a post-renderer', args: ['--out', 'a.tgz', '--unmapped=post-render'] },
    {
      name: 'another path for the changed chart',
      args: ['--out', 'a.tgz', '--unmapped=repack', '--unmapped-chart', 'b.tgz'],
    },
    { name: 'no proof', args: ['--out', 'a.tgz', '--no-proof'] },
    { name: 'the prefix of upstream charts', args: ['--out', 'a.tgz', '--chart-prefix', 'm/charts'] },
  ])('refuse $name', async ({ args }) => {
    const { folder, values } = await start();
    expect(await values(...args)).toMatchObject({ code: 2, out: '' });
    expect(await readdir(folder)).toEqual(['app']);
  });

  test('are not made of changed charts', async () => {
    const { folder, values } = await start();
    expect(await values('--out', 'app.tgz')).toMatchObject({ code: 0 });
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder };
    const args = ['values', './app.tgz', '--to', 'other.example', '--format', 'chart', '--out', 'b.tgz'];
    expect(await airgap(args, env, folder)).toMatchObject({ code: 2, out: '' });
  });

  test('set tags that identify images in a repository shared by all', async () => {
    const { folder, images } = await start();
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder };
    const naming = ['--naming', 'single-repository', '--format', 'chart', '--out', 'shop.tgz'];
    expect(await airgap(['values', join(CHARTS, 'shop'), '--to', TARGET, ...naming], env, folder)).toMatchObject({
      code: 0,
    });
    expect(await images('shop.tgz')).toContain(`${TARGET}:1.4.2---registry.example--shop--web`);
  });

  test('replace no file of others', async () => {
    const { folder, values } = await start();
    await execa('tar', ['-czf', 'app.tgz', 'app'], { cwd: folder });
    const before = await readFile(join(folder, 'app.tgz'));
    expect(await values('--out', 'app.tgz')).toMatchObject({ code: 1, err: expect.stringContaining('app.tgz') });
    await writeFile(join(folder, 'b.tgz'), 'text');
    expect(await values('--out', 'b.tgz')).toMatchObject({ code: 1 });
    expect([await readFile(join(folder, 'app.tgz')), await readFile(join(folder, 'b.tgz'), 'utf8')]).toEqual([
      before,
      'text',
    ]);
  });

  test('change templates of subcharts in archives, and leave the rest of charts/ alone', async () => {
    const folder = scratchFolder();
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder };
    for (const chart of ['fixed', 'carriers', 'platform']) {
      const args = [
        'values',
        join(CHARTS, chart),
        '--to',
        TARGET,
        '--format',
        'chart',
        '--out',
        `${chart}.tgz`,
        '-o',
        'json',
      ];
      const { code, out, err } = await airgap(args, env, folder);
      const { proof } = JSON.parse(out);
      expect(code, err).toBe(proof.residue.length === 0 ? 0 : 3);
      const { stdout } = await execa(helm.path ?? '', ['template', 'x', join(folder, `${chart}.tgz`)]);
      if (code === 0) expect(stdout).not.toMatch(/(?<![\w./-])(?:quay\.io|ghcr\.io|registry\.example)\/\w/);
    }
  });
});
