import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../../src/cli/config/read.ts';
import { type ChartRepository, startChartRepository } from '../../../support/chart-repository.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { type ReleaseServer, startReleaseServer } from '../../../support/release-server.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

/** `init` with real Helms: charts of a repository, and releases that real Helms have written. */

const folder = scratchFolder();
const SECRET = 'geheim-of-the-release';
let repository: ChartRepository;

beforeAll(async () => {
  await writeFiles(folder, {
    'web/Chart.yaml': chartYaml('web-app', '1.2.3-rc.1'),
    'db/Chart.yaml': chartYaml(
      'db',
      '2.0.0',
      'dependencies: [{name: x, version: 1.0.0, repository: "https://c.example"}]\n',
    ),
    'plain/Chart.yaml': chartYaml('plain', '3.0.0'),
  });
  repository = await startChartRepository(folder, [join(folder, 'web'), join(folder, 'plain')]);
});
afterAll(() => repository.stop());

const read = (path: string) => readConfig(path, {}, new Map());

describe.each(HELMS)('Helm $version', ({ version, path: helm = '' }) => {
  const home = join(folder, version);
  const env: Record<string, string> = {
    ...{
      PATH: process.env.PATH ?? '',
      HOME: home,
      TMPDIR: folder,
      HELM_BIN: helm,
      KUBECONFIG: join(home, 'kubeconfig'),
    },
    // As Helm sets them for plugins.
    ...{ HELM_NAMESPACE: 'default', HELM_KUBECONTEXT: '' },
  };
  let cluster: ReleaseServer;
  const init = (...args: string[]): Promise<Ended> => airgap(['init', ...args], env, home);
  const run = async (...args: string[]): Promise<string> =>
    (await execa(helm, args, { env, extendEnv: false, cwd: home })).stdout;

  beforeAll(async () => {
    mkdirSync(home);
    cluster = await startReleaseServer();
    writeFileSync(env.KUBECONFIG ?? '', cluster.kubeconfig);
    const install = (name: string, chart: string, ...args: string[]): Promise<string> =>
      run('install', name, join(folder, chart), '--dry-run=client', '-o', 'json', '--namespace', 'prod', ...args);
    cluster.add(await install('web', 'web', '--set', `auth.password=${SECRET}`));
    cluster.add(await install('other', 'plain'), { namespace: 'test' });
  });
  afterAll(() => cluster.stop());

  it('writes folders, archives and charts of a repository with their versions', async () => {
    mkdirSync(join(home, 'sub'));
    const archive = join(repository.folder, 'plain-3.0.0.tgz');
    const local = await init('../web', '../db', archive, '--out', 'sub/local.yaml');
    expect(local.code, local.err).toBe(0);
    expect((await read(join(home, 'sub/local.yaml'))).charts).toEqual([
      { chart: '../../web' },
      { chart: '../../db', dependencyUpdate: true },
      { chart: '../../chart-repository/plain-3.0.0.tgz' },
    ]);
    const remote = await init('plain', '--repo', repository.url, '--out', 'remote.yaml', '-o', 'json');
    expect(remote.code, remote.err).toBe(0);
    expect((await read(join(home, 'remote.yaml'))).charts).toEqual([
      { chart: 'plain', repo: repository.url, version: '3.0.0' },
    ]);
    expect(JSON.parse(remote.out)).toMatchObject({ kind: 'Init', path: 'remote.yaml', schema: 'airgap.schema.json' });
    expect(JSON.parse(readFileSync(join(home, 'airgap.schema.json'), 'utf8')).$id).toBe('urn:helm-airgap:v1:Config');
    // The file works as it is.
    const images = await airgap(['images', '--config', join(home, 'remote.yaml'), '-o', 'json'], env, home);
    expect(images.code, images.err).toBe(0);
  });

  it('writes the releases of a cluster without their values, and asks it nothing else', async () => {
    const { code, out, err } = await init('--releases', '--out', 'releases.yaml', '--no-schema');
    expect(code, err).toBe(0);
    expect((await read(join(home, 'releases.yaml'))).charts).toEqual([
      { chart: 'web-app', version: '1.2.3-rc.1', releaseName: 'web', namespace: 'prod' },
      { chart: 'plain', version: '3.0.0', releaseName: 'other', namespace: 'test' },
    ]);
    const written = readFileSync(join(home, 'releases.yaml'), 'utf8');
    expect(written + out + err).not.toContain(SECRET);
    expect(written).not.toContain('yaml-language-server');
    expect(written.match(/# repo:/g)).toHaveLength(2);
    expect(err).toContain('next: fill in');
    expect(cluster.requests.filter((request) => !request.startsWith('GET '))).toEqual([]);
  });

  it('writes values to files of the user on request', async () => {
    const { code, err } = await init('--releases', '--out', 'with-values.yaml', '--values-dir', 'values');
    expect(code, err).toBe(0);
    expect(readdirSync(join(home, 'values'))).toEqual(['prod-web.yaml']);
    const file = join(home, 'values/prod-web.yaml');
    expect(readFileSync(file, 'utf8')).toContain(SECRET);
    expect([statSync(file).mode & 0o777, statSync(join(home, 'values')).mode & 0o777]).toEqual([0o600, 0o700]);
    const [web, other] = (await read(join(home, 'with-values.yaml'))).charts;
    expect(web?.profiles).toEqual([{ name: 'default', values: ['./values/prod-web.yaml'] }]);
    expect(other?.profiles).toBeUndefined();
    expect(readFileSync(join(home, 'with-values.yaml'), 'utf8')).not.toContain(SECRET);
    // Files that are there stay, and nothing is half written.
    const again = await init('--releases', '--out', 'again.yaml', '--values-dir', 'values');
    expect([again.code, existsSync(join(home, 'again.yaml'))]).toEqual([1, false]);
  });

  it('finds repositories in those of the user', async () => {
    await run('repo', 'add', 'ours', repository.url);
    const one = await init('--release-namespace', 'prod', '--out', 'one.yaml');
    expect(one.code, one.err).toBe(0);
    expect((await read(join(home, 'one.yaml'))).charts).toEqual([
      { chart: 'web-app', repo: repository.url, version: '1.2.3-rc.1', releaseName: 'web', namespace: 'prod' },
    ]);
    const alias = await init('ours/plain', '--out', 'alias.yaml');
    expect(alias.code, alias.err).toBe(0);
    expect((await read(join(home, 'alias.yaml'))).charts).toEqual([
      { chart: 'plain', repo: repository.url, version: '3.0.0' },
    ]);
    // A second repository with the same chart: people choose.
    await run('repo', 'add', 'mirror', `${repository.url}/mirror`);
    expect((await init('--release-namespace', 'prod', '--out', 'two.yaml')).code).toBe(0);
    const two = readFileSync(join(home, 'two.yaml'), 'utf8');
    expect(two.match(/# repo: /g)).toHaveLength(2);
    expect((await read(join(home, 'two.yaml'))).charts[0]?.repo).toBeUndefined();
    await run('repo', 'remove', 'mirror', 'ours');
  });

  it.each<[string, string[], { readonly code: string; readonly exitCode: number }]>([
    ['nothing', [], { code: 'usage', exitCode: 2 }],
    ['--repo without a chart', ['--releases', '--repo', 'https://c.example'], { code: 'usage', exitCode: 2 }],
    ['--values-dir without releases', ['../web', '--values-dir', 'v'], { code: 'usage', exitCode: 2 }],
    ['a namespace that is none', ['--release-namespace', '-A'], { code: 'usage', exitCode: 2 }],
    ['a folder that is no chart', ['../chart-repository'], { code: 'chart-not-found', exitCode: 1 }],
    ['a chart that is not there', ['./none.tgz'], { code: 'chart-not-found', exitCode: 1 }],
    ['a namespace without releases', ['--release-namespace', 'empty'], { code: 'cluster', exitCode: 1 }],
    ['a folder that does not exist', ['../web', '--out', 'none/airgap.yaml'], { code: 'file', exitCode: 1 }],
  ])('refuses %s', async (_, args, { code, exitCode }) => {
    const before = readdirSync(home);
    const { code: exit, out } = await init(
      ...args,
      '-o',
      'json',
      ...(args.includes('--out') ? [] : ['--out', 'bad.yaml']),
    );
    expect(exit).toBe(exitCode);
    expect(JSON.parse(out).errors).toMatchObject([{ code }]);
    expect(readdirSync(home)).toEqual(before);
  });

  it('overwrites neither its file nor a schema of others', async () => {
    mkdirSync(join(home, 'taken'));
    writeFileSync(join(home, 'taken/airgap.yaml'), 'mine');
    writeFileSync(join(home, 'taken/airgap.schema.json'), '{"$id": "https://x.example"}');
    for (const name of ['airgap.yaml', 'new.yaml']) {
      const { code, out } = await init('../web', '--out', `taken/${name}`, '-o', 'json');
      expect([code, JSON.parse(out).errors[0].code]).toEqual([1, 'output-exists']);
    }
    expect(readFileSync(join(home, 'taken/airgap.yaml'), 'utf8')).toBe('mine');
    expect(readdirSync(join(home, 'taken'))).toHaveLength(2);
  });

  it('says why the cluster does not answer', async () => {
    cluster.refuse();
    const refused = await init('--releases', '--out', 'refused.yaml', '-o', 'json');
    expect([refused.code, JSON.parse(refused.out).errors[0]]).toMatchObject([
      1,
      { code: 'cluster', message: expect.stringContaining('forbidden'), hint: expect.stringContaining('right') },
    ]);
    const closed = await airgap(
      ['init', '--releases', '--out', 'closed.yaml'],
      { ...env, KUBECONFIG: join(home, 'none') },
      home,
    );
    expect([closed.code, existsSync(join(home, 'closed.yaml'))]).toEqual([1, false]);
  });
});
