import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChartRequest } from '../../../src/helm/access.ts';
import { packChart } from '../../../src/helm/chart-archive.ts';
import { readChartFiles } from '../../../src/helm/chart-files.ts';
import { type Chart, fetchChart } from '../../../src/helm/fetch.ts';
import { Helm } from '../../../src/helm/helm.ts';
import { Renderer, type RenderOptions } from '../../../src/helm/render.ts';
import { basicOf } from '../../support/basic.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { digestOf } from '../../support/digest.ts';
import { HELMS } from '../../support/helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Charts and settings that try to misuse Helm; run with real binaries. */
describe.for(HELMS)('hostile charts with Helm $version', (wanted) => {
  const test = it.skipIf(wanted.path === undefined);
  let cwd: string;
  let helm: Helm;
  let server: Server;
  let host: string;
  let runs = 0;

  beforeAll(async () => {
    if (wanted.path === undefined) return;
    cwd = scratchFolder();
    // Records the arguments, which all users of the machine can see, and the environment of Helm.
    await writeFile(
      join(cwd, 'helm'),
      `#!/bin/sh\necho "$*" >> '${cwd}/arguments'\nenv >> '${cwd}/environment'\nexec '${wanted.path}' "$@"\n`,
    );
    await chmod(join(cwd, 'helm'), 0o755);
    await writeFile(join(cwd, 'ran'), `#!/bin/sh\ntouch '${cwd}/it-ran'\ncat\n`);
    await chmod(join(cwd, 'ran'), 0o755);
    const env = {
      PATH: process.env.PATH,
      HOME: cwd,
      HELM_BIN: join(cwd, 'helm'),
      AWS_SECRET_ACCESS_KEY: 'aws-secret-9',
      GITHUB_TOKEN: 'token-secret-9',
    };
    helm = new Helm({ env, cwd });
    await packChart(await writeFiles(join(cwd, 'web'), { 'Chart.yaml': chartYaml('web') }), join(cwd, 'web.tgz'));
    host = await startServer(await readFile(join(cwd, 'web.tgz')));
  });
  afterAll(() => server?.close());

  /** Starts a chart repository and an OCI registry that require a password. */
  async function startServer(tgz: Buffer): Promise<string> {
    const config = Buffer.from(JSON.stringify({ apiVersion: 'v2', name: 'web', version: '1.0.0' }));
    const part = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: part('application/vnd.cncf.helm.config.v1+json', config),
        layers: [part('application/vnd.cncf.helm.chart.content.v1.tar+gzip', tgz)],
      }),
    );
    const blobs = new Map([config, tgz].map((bytes) => [`/v2/c/web/blobs/${digestOf(bytes)}`, bytes]));
    const index =
      'apiVersion: v1\nentries:\n  web:\n  - {apiVersion: v2, name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}\n';
    const wanted = basicOf('me:hunter22');
    server = createServer((request, response) => {
      const path = request.url ?? '';
      if (request.headers.authorization !== wanted) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      } else if (path.endsWith('/index.yaml')) response.end(index);
      else if (path.endsWith('/web-1.0.0.tgz')) response.end(tgz);
      else if (path === '/v2/') response.end('{}');
      else if (path.startsWith('/v2/c/web/tags/')) response.end('{"name":"c/web","tags":["1.0.0"]}');
      else if (path.startsWith('/v2/c/web/manifests/')) {
        const headers = { 'content-type': mediaType, 'docker-content-digest': digestOf(manifest) };
        response.writeHead(200, { ...headers, 'content-length': manifest.length });
        response.end(request.method === 'HEAD' ? undefined : manifest);
      } else if (blobs.has(path)) response.end(blobs.get(path));
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const fetch = (request: ChartRequest, roots?: string[]): Promise<Chart> =>
    fetchChart(helm, request, join(cwd, `work-${runs++}`), cwd, {
      mirrors: [],
      plainHttp: [host],
      ...(roots === undefined ? {} : { linkRoots: roots }),
    });

  async function chartOf(files: Record<string, string>, name = 'app'): Promise<string> {
    return writeFiles(join(cwd, `chart-${runs++}`, name), { 'Chart.yaml': chartYaml(name), ...files });
  }

  async function render(files: Record<string, string>, options: RenderOptions = {}) {
    const chart = await fetch({ chart: await chartOf(files) });
    return new Renderer(helm, chart, join(cwd, `render-${runs++}`)).render(options);
  }

  const expectNothingRan = async (): Promise<void> => expect(await readdir(cwd)).not.toContain('it-ran');

  test('cannot read credentials of the user or files outside the chart', async () => {
    await writeFile(join(cwd, 'environment'), '');
    const chart = await chartOf({ 'templates/a.yaml': 'x: {{ .Files.Get "files/environ" | quote }}\n' });
    await mkdir(join(chart, 'files'));
    await symlink('/proc/self/environ', join(chart, 'files/environ'));
    await expect(fetch({ chart })).rejects.toMatchObject({
      code: 'chart-invalid',
      message: expect.stringContaining('files/environ'),
    });
    const allowed = await fetch({ chart }, ['/proc']);
    const { documents } = await new Renderer(helm, allowed, join(cwd, `render-${runs++}`)).render({});
    expect(JSON.stringify(documents)).not.toContain('secret-9');
    const recorded = await readFile(join(cwd, 'environment'), 'utf8');
    expect(recorded).toContain('HOME=');
    expect(recorded).not.toContain('secret-9');
  });

  test.each<[string, RenderOptions]>([
    ['a release name', { releaseName: '--post-renderer=RAN' }],
    ['a namespace', { namespace: '--post-renderer=RAN' }],
    ['a value', { set: ['--post-renderer=RAN'] }],
    ['a string', { setString: ['--post-renderer=RAN'], setLiteral: ['--post-renderer=RAN'] }],
    ['a values file', { values: ['--post-renderer=RAN'] }],
    ['a version of Kubernetes', { kubeVersion: '--post-renderer=RAN' }],
    ['an API version', { apiVersions: ['--post-renderer=RAN'] }],
  ])('cannot run a program by %s that looks like an option', async (_, options) => {
    const text = JSON.stringify(options).replaceAll('RAN', join(cwd, 'ran'));
    await render({ 'templates/a.yaml': 'a: b\n' }, JSON.parse(text)).catch(() => undefined);
    await expectNothingRan();
  });

  test('cannot inject options by names, versions and addresses', async () => {
    const evil = join(cwd, 'evil');
    for (const request of [
      { chart: `--destination=${evil}` },
      { chart: `--destination=${evil}`, repo: `http://${host}` },
      { chart: 'web', repo: `--destination=${evil}` },
      { chart: 'web', repo: `http://${host}`, version: `--destination=${evil}` },
    ]) {
      await expect(fetch(request), JSON.stringify(request)).rejects.toMatchObject({ hint: expect.any(String) });
    }
    expect(await readdir(cwd)).not.toContain('evil');
  });

  test.each<[string, () => ChartRequest]>([
    ['a repository', () => ({ chart: 'web', repo: `http://${host}/charts` })],
    ['a repository, and a version', () => ({ chart: 'web', repo: `http://${host}/charts`, version: '1.0.0' })],
    ['an archive', () => ({ chart: `http://${host}/charts/web-1.0.0.tgz` })],
    ['a registry', () => ({ chart: `oci://${host}/c/web`, version: '1.0.0' })],
  ])('pass a password for %s without putting it into arguments', async (_, request) => {
    await writeFile(join(cwd, 'arguments'), '');
    const chart = await fetch({ ...request(), access: { username: 'me', password: 'hunter22' } });
    expect(chart.metadata).toMatchObject({ name: 'web', version: '1.0.0' });
    const wrongPassword = { ...request(), access: { username: 'me', password: 'swordfish9' } };
    await expect(fetch(wrongPassword)).rejects.toMatchObject({ code: 'unauthorized' });
    const { chart: address, repo } = request();
    if (!address.startsWith('oci:')) {
      const withUserInfo = (text: string): string => text.replace('//', '//me:hunter22@');
      const byUrl = repo === undefined ? { chart: withUserInfo(address) } : { ...request(), repo: withUserInfo(repo) };
      expect((await fetch(byUrl)).metadata.name).toBe('web');
    }
    expect(await readFile(join(cwd, 'arguments'), 'utf8')).not.toMatch(/hunter22|swordfish9/);
  });

  test('may have dependencies in allowed folders, which stay unchanged', async () => {
    const chart = await chartOf({
      'Chart.yaml': chartYaml(
        'app',
        '1.0.0',
        'dependencies: [{name: common, version: 1.0.0, repository: file://../common}]\n',
      ),
    });
    await writeFiles(join(chart, '../common'), { 'Chart.yaml': chartYaml('common') });
    const request = { chart, dependencyUpdate: true };
    const refusal = { code: 'chart-invalid', message: expect.stringContaining('../common') };
    await expect(fetch(request)).rejects.toMatchObject(refusal);
    const { archive } = await fetch(request, [join(chart, '..')]);
    expect([...(await readChartFiles(archive, /Chart\.yaml$/)).keys()].sort()).toEqual([
      'Chart.yaml',
      'charts/common/Chart.yaml',
    ]);
    expect((await readdir(chart)).sort()).toEqual(['Chart.yaml']);
  });

  test('cannot have dependencies on non-public hosts', async () => {
    const address = `http://127.0.0.1:1/charts`;
    const chart = await chartOf({
      'Chart.yaml': chartYaml(
        'app',
        '1.0.0',
        `dependencies: [{name: web, version: 1.0.0, Repository: "${address}"}]\n`,
      ),
    });
    await expect(fetch({ chart, dependencyUpdate: true })).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('are stopped when a render takes too long, and not tried again', async () => {
    const chart = await fetch({
      chart: await chartOf({
        'templates/a.yaml': '{{ range $i := until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}\n',
      }),
    });
    const renderer = new Renderer(helm, chart, join(cwd, `render-${runs++}`));
    const start = performance.now();
    const refusal = { code: 'chart-render', hint: expect.stringContaining('--render-timeout') };
    await expect(renderer.render({ limits: { time: 500 } })).rejects.toMatchObject(refusal);
    const elapsed = performance.now() - start;
    await expect(renderer.render({ limits: { time: 60_000 } })).rejects.toMatchObject(refusal);
    expect(performance.now() - start - elapsed).toBeLessThan(1000);
  });

  test('are stopped when a render needs too much memory or writes too much', async () => {
    const memoryTemplate =
      '{{- $d := dict }}{{ range $i := until 4000 }}{{ $_ := set $d (toString $i) (repeat 1000000 (toString $i)) }}{{ end }}\n';
    await expect(
      render({ 'templates/a.yaml': memoryTemplate }, { limits: { memory: 256 * 1024 ** 2 } }),
    ).rejects.toMatchObject({
      code: 'chart-render',
      message: expect.stringContaining('256 MiB'),
    });
    const writes = '{{ range $i := until 140 }}\n# {{ repeat 1000000 "x" }}\n{{ end }}\na: b\n';
    await expect(render({ 'templates/a.yaml': writes })).rejects.toMatchObject({
      code: 'chart-render',
      message: expect.stringContaining('128 MiB'),
    });
  });
});
