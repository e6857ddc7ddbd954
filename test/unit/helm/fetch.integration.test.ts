import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ChartRequest } from '../../../src/helm/access.ts';
import { packChart } from '../../../src/helm/chart-archive.ts';
import { readChartFiles } from '../../../src/helm/chart-files.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import type { Helm } from '../../../src/helm/helm.ts';
import { basicOf } from '../../support/basic.ts';
import { CHARTS, chartYaml, writeFiles } from '../../support/charts.ts';
import { useFastClock } from '../../support/fast-clock.ts';
import { HELMS } from '../../support/helm.ts';
import { helmIn } from '../../support/isolated-helm.ts';
import { freePort } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

describe.for(HELMS)('charts with Helm $version', (binary) => {
  let cwd: string;
  let helm: Helm;
  let server: Server;
  let repo: string;
  let runs = 0;
  /** Number of connections to break before one succeeds. */
  let breaking = 0;
  const fetch = (request: ChartRequest) => fetchChart(helm, request, join(cwd, `work-${runs++}`), cwd);
  const refused = (request: ChartRequest) =>
    fetch(request).then(
      () => expect.fail('fetched'),
      (error: unknown) => error,
    );

  beforeAll(async () => {
    if (binary.path === undefined) return;
    cwd = scratchFolder();
    helm = helmIn(cwd, binary);
    await packChart(
      await writeFiles(join(cwd, 'web'), { 'Chart.yaml': chartYaml('web', '1.2.3+b.1') }),
      join(cwd, 'web.tgz'),
    );
    const { host } = await startRepository(await readFile(join(cwd, 'web.tgz')));
    repo = `http://${host}`;
  });
  afterAll(() => server?.close());

  async function startRepository(tgz: Buffer): Promise<{ host: string }> {
    const digest = createHash('sha256').update(tgz).digest('hex');
    const entry = `- {apiVersion: v2, name: web, version: 1.2.3+b.1, digest: ${digest}, urls: [web-1.2.3.tgz]}`;
    server = createServer((request, response) => {
      const authorized = request.headers.authorization === basicOf('me:hunter22');
      const path = request.url ?? '';
      if (breaking > 0) {
        breaking--;
        request.socket.destroy();
      } else if (path.startsWith('/private/') && !authorized) response.writeHead(401).end();
      else if (/^(?:\/private)?\/+index\.yaml$/.test(path))
        response.end(`apiVersion: v1\nentries:\n  web:\n  ${entry}\n`);
      else if (path.endsWith('/web-1.2.3.tgz')) response.end(tgz);
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const test = it.skipIf(binary.path === undefined);

  test('from a folder: packed reproducibly, named after the folder only', async () => {
    const [first, second] = [
      await fetch({ chart: join(CHARTS, 'shop') }),
      await fetch({ chart: join(CHARTS, 'shop') }),
    ];
    expect(first.metadata).toMatchObject({ name: 'shop', version: '1.4.0', appVersion: '1.4.2' });
    expect((await readFile(first.archive)).equals(await readFile(second.archive))).toBe(true);
    expect(first).toMatchObject({ source: 'shop', provenance: undefined });
    const names = [...(await readChartFiles(first.archive, /Chart\.yaml$/)).keys()];
    expect(names.sort()).toEqual(['Chart.yaml', 'charts/cache/Chart.yaml']);
  });

  test('from a folder below the working folder', async () => {
    await writeFiles(join(cwd, 'charts/mine'), { 'Chart.yaml': chartYaml('mine') });
    expect(await fetch({ chart: 'charts/mine' })).toMatchObject({ source: 'mine', metadata: { name: 'mine' } });
    const fromFolder = await fetchChart(helm, { chart: '.' }, join(cwd, 'work-dot'), join(cwd, 'charts/mine'));
    expect(fromFolder.source).toBe('mine');
  });

  test('from an archive: unchanged bytes, and its provenance', async () => {
    await copyFile(join(cwd, 'web.tgz'), join(cwd, 'web-1.tgz'));
    await writeFile(join(cwd, 'web-1.tgz.prov'), 'signed');
    const chart = await fetch({ chart: './web-1.tgz' });
    expect((await readFile(chart.archive)).equals(await readFile(join(cwd, 'web.tgz')))).toBe(true);
    expect(chart.provenance?.toString()).toBe('signed');
    expect(chart.metadata.version).toBe('1.2.3+b.1');
  });

  test('from a repository: unchanged bytes, and its source', async () => {
    const chart = await fetch({ chart: 'web', repo: `${repo}/`, version: '1.2.3+b.1' });
    expect((await readFile(chart.archive)).equals(await readFile(join(cwd, 'web.tgz')))).toBe(true);
    expect(chart.source).toBe(`${repo}/web`);
  });

  test('from a repository with broken connections: limited retries', async () => {
    onTestFinished(useFastClock());
    breaking = 1;
    expect((await fetch({ chart: 'web', repo })).metadata.version).toBe('1.2.3+b.1');
    breaking = 10;
    expect(await refused({ chart: 'web', repo })).toMatchObject({ message: expect.stringContaining('EOF') });
    breaking = 0;
  });

  test('from a repository with a password, which appears nowhere', async () => {
    const url = `${repo.replace('//', '//me:hunter22@')}/private`;
    const request = { chart: 'web', repo: `${repo}/private` };
    const chart = await fetch({ ...request, access: { username: 'me', password: 'hunter22' } });
    expect(chart.source).toBe(`${repo}/private/web`);
    expect(await refused(request)).toMatchObject({ code: 'unauthorized', hint: expect.stringContaining('--username') });
    const byUrl = await fetch({ chart: `${url}/web-1.2.3.tgz?token=abc` }).catch((error: Error) => error);
    expect(JSON.stringify('source' in byUrl ? byUrl.source : byUrl.message)).not.toMatch(/hunter22|abc/);
  });

  test.each([
    ['an unknown chart', () => ({ chart: 'nope', repo }), 'nope'],
    ['an unknown version', () => ({ chart: 'web', repo, version: '9.9.9' }), '9.9.9'],
    ['an invalid repository', () => ({ chart: 'web', repo: `${repo}/nothing` }), 'not a valid chart repository'],
    ['a repository that was never added', () => ({ chart: 'stable/web' }), 'stable'],
    ['a missing folder', () => ({ chart: './nope' }), './nope'],
    ['a missing archive', () => ({ chart: 'nope-1.0.0.tgz' }), 'nope-1.0.0.tgz'],
  ])('reports chart-not-found for %s', async (_, request, named) => {
    expect(await refused(request())).toMatchObject({
      code: 'chart-not-found',
      message: expect.stringContaining(named),
      hint: expect.stringMatching(/--repo/),
    });
  });

  test('reports an unreachable repository', async () => {
    const closedPort = `http://127.0.0.1:${await freePort()}`;
    expect(await refused({ chart: 'web', repo: closedPort })).toMatchObject({
      code: 'network',
      message: expect.stringContaining('connection refused'),
    });
  });

  test('names a missing dependency and how to fetch it', async () => {
    expect(await refused({ chart: join(CHARTS, 'missing-dependency') })).toMatchObject({
      code: 'chart-invalid',
      message: expect.stringContaining('database'),
      hint: expect.stringContaining('--dependency-update'),
    });
  });

  test('refuses files that are not charts', async () => {
    await writeFiles(cwd, { 'empty/README.md': 'x', 'page.tgz': '<html>', 'up/Chart.yaml': chartYaml('../../up') });
    for (const chart of ['./empty', './page.tgz', './up']) {
      expect(await refused({ chart }), chart).toMatchObject({ code: 'chart-invalid', hint: expect.any(String) });
    }
  });
});
