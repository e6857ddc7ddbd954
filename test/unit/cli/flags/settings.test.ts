import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { beforeAll, describe, expect, it } from 'vitest';
import { redact } from '../../../../src/base/redact.ts';
import { addChartsFlags } from '../../../../src/cli/flags/charts.ts';
import {
  addRegistryFlags,
  mirrorOption,
  preferPublicEcrOption,
  registryAccess,
} from '../../../../src/cli/flags/registry.ts';
import { readSettings, type Settings } from '../../../../src/cli/flags/settings.ts';
import type { CommandIO } from '../../../../src/cli/run.ts';
import { scratchFolder } from '../../../support/scratch.ts';

let cwd: string;
beforeAll(async () => {
  cwd = scratchFolder();
  await mkdir(join(cwd, 'sub/charts/db'), { recursive: true });
  await writeFile(
    join(cwd, 'sub/airgap.yaml'),
    `apiVersion: airgap/v1
kind: Config
charts:
  - chart: ./web
    releaseName: rel
    namespace: space
    profiles:
      - name: small
        values: [small.yaml, "https://c.example/values.yaml", "s3://bucket/values.yaml"]
        setFile: [a.b=key=1.pem]
        set: [x=y]
      - {name: big, kubeVersion: "1.30"}
  - chart: charts/db
  - chart: stable/db
  - chart: https://c.example/charts/db-1.0.0.tgz
  - {chart: db, repo: "https://c.example", version: 1.0.0, devel: true, dependencyUpdate: true, username: own, password: "\${OWN}"}
  - chart: oci://r.example/charts/\${WHICH}
images: [redis:7]
exclude: ["*debug*", {pattern: "*trace*", reason: nobody traces}]
include: [redis]
tests: false
platforms: [linux/arm64]
mirrors: {quay.io: other.example/quay, ghcr.io: [m.example/ghcr, ghcr.io]}
chartMirrors: {"https://c.example": archives, "oci://r.example": oci://m.example/charts}
plainHttp: [r.example]
caFile: ca.pem
allowChartLinks: [shared]
allowChartHosts: [own.example]
renderTimeout: 5m
renderMemory: 4GiB
`,
  );
});

async function resolved(...args: string[]): Promise<Settings> {
  const context = { env: { WHICH: 'env', OWN: 'hunter2hunter2' }, cwd, emit: () => {} };
  const io = { context, readInput: () => Promise.resolve(Buffer.from('kind: Pod')) } as unknown as CommandIO;
  const charts = new Command('x').argument('[chart...]').addOption(mirrorOption()).addOption(preferPublicEcrOption());
  const command = addRegistryFlags(addChartsFlags(charts), io);
  await command.exitOverride().parseAsync(args, { from: 'user' });
  return readSettings(io, command.args, command.opts());
}

const CONFIG = () => ['--config', join(cwd, 'sub/airgap.yaml')];

describe('readSettings', () => {
  it('refuses two readers of standard input, of which one is in the configuration file', async () => {
    await writeFile(join(cwd, 'input.yaml'), 'apiVersion: airgap/v1\nkind: Config\nmanifests: ["-"]\n');
    const config = ['--config', join(cwd, 'input.yaml')];
    await expect(resolved(...config, '--pods', '-')).rejects.toMatchObject({ code: 'usage' });
  });

  it('keeps charts of the command line unchanged, with the render flags for each', async () => {
    const { charts } = await resolved(
      './a',
      'b',
      '--repo',
      'https://c.example',
      '--version',
      '1',
      '-f',
      'v.yaml',
      '-f',
      'w.yaml',
      '--set',
      'a=1,b=2',
      '--set',
      'c=3',
      '-a',
      'x/v1',
      '--kube-version',
      '1.30',
    );
    expect(charts.map(({ request }) => request)).toEqual([
      { chart: './a', repo: 'https://c.example', version: '1', access: {} },
      { chart: 'b', repo: 'https://c.example', version: '1', access: {} },
    ]);
    expect(charts[1]?.profiles).toEqual([
      {
        name: 'default',
        options: expect.objectContaining({
          values: ['v.yaml', 'w.yaml'],
          set: ['a=1,b=2', 'c=3'],
          apiVersions: ['x/v1'],
          kubeVersion: '1.30',
        }),
      },
    ]);
  });

  it('resolves paths relative to the configuration file, and leaves other charts to Helm', async () => {
    const { charts } = await resolved(...CONFIG());
    expect(charts.map(({ request }) => request.chart)).toEqual([
      join(cwd, 'sub/web'),
      join(cwd, 'sub/charts/db'),
      'stable/db',
      'https://c.example/charts/db-1.0.0.tgz',
      'db',
      'oci://r.example/charts/env',
    ]);
    expect(charts[4]?.request).toMatchObject({
      repo: 'https://c.example',
      version: '1.0.0',
      devel: true,
      dependencyUpdate: true,
    });
    const limits = { time: 300_000, memory: 2 ** 32 };
    expect(charts[0]?.profiles).toEqual([
      {
        name: 'small',
        options: {
          limits,
          releaseName: 'rel',
          namespace: 'space',
          set: ['x=y'],
          values: [join(cwd, 'sub/small.yaml'), 'https://c.example/values.yaml', 's3://bucket/values.yaml'],
          setFile: [`a.b=${join(cwd, 'sub/key=1.pem')}`],
        },
      },
      {
        name: 'big',
        options: { limits, releaseName: 'rel', namespace: 'space', kubeVersion: '1.30', values: [], setFile: [] },
      },
    ]);
    expect(charts[1]?.profiles.map(({ name }) => name)).toEqual(['default']);
  });

  it('merges flags and configuration, flags first', async () => {
    await writeFile(join(cwd, 'list.txt'), 'listed:1\n# not:this\n');
    const all = await resolved(
      './a',
      ...CONFIG(),
      '--var',
      'WHICH=flag',
      '--image',
      'named:1',
      '--images',
      'list.txt',
      '--exclude',
      'x',
      '--exclude',
      'y=it is off=for good',
      '--include',
      'z',
      '--mirror',
      'quay.io=m.example/quay',
      '--plain-http',
      'p.example',
      '--chart-mirror',
      '*=mine',
      '--allow-chart-links',
      'mono',
      '--allow-chart-host',
      '10.0.0.5:8080',
      '--render-timeout',
      '90s',
    );
    expect(all.nestedCharts).toBe(true);
    expect(all.chartSources).toEqual({
      mirrors: [
        { from: '*', to: { folder: join(cwd, 'mine') } },
        { from: 'https://c.example', to: { folder: join(cwd, 'sub/archives') } },
        { from: 'oci://r.example', to: { url: 'oci://m.example/charts' } },
      ],
      plainHttp: ['p.example', 'r.example'],
      caFile: join(cwd, 'sub/ca.pem'),
      linkRoots: [join(cwd, 'mono'), join(cwd, 'sub/shared')],
      allowedHosts: expect.any(Set),
      certificates: expect.any(Function),
      findLogin: expect.any(Function),
    });
    expect(all.registry.named).toEqual(
      expect.arrayContaining(['p.example', 'r.example', 'm.example', 'docker.io', '10.0.0.5:8080']),
    );
    const { allowedHosts = new Set<string>() } = all.chartSources ?? {};
    const named = [
      'c.example:443',
      'r.example:443',
      'm.example:443',
      'p.example:80',
      'other.example:80',
      'own.example:80',
    ];
    expect(named.filter((host) => !allowedHosts.has(host))).toEqual([]);
    expect([...allowedHosts].filter((host) => /10\.0\.0\.5/.test(host))).toEqual(['10.0.0.5:8080']);
    expect(all.charts.map(({ profiles }) => profiles[0]?.options.limits)).toEqual(
      all.charts.map(() => ({ time: 90_000, memory: 2 ** 32 })),
    );
    expect(all.charts.map(({ request }) => request.chart).at(0)).toBe('./a');
    expect(all.charts.map(({ request }) => request.chart).at(-1)).toBe('oci://r.example/charts/flag');
    expect(all.add).toEqual(['named:1', 'listed:1', 'redis:7']);
    expect(all.exclude).toEqual([
      { pattern: 'x' },
      { pattern: 'y', reason: 'it is off=for good' },
      { pattern: '*debug*' },
      { pattern: '*trace*', reason: 'nobody traces' },
    ]);
    expect(all.include).toEqual([{ pattern: 'z' }, { pattern: 'redis' }]);
    expect(all).toMatchObject({ tests: false, hooks: true });
    expect(all.config.platforms).toEqual(['linux/arm64']);
    expect((await registryAccess(all.registry)).access).toMatchObject({
      mirrors: [
        { from: 'quay.io', to: 'm.example/quay' },
        { from: 'quay.io', to: 'other.example/quay' },
        { from: 'ghcr.io', to: 'm.example/ghcr' },
        { from: 'ghcr.io', to: 'ghcr.io' },
      ],
      plainHttp: ['p.example', 'r.example'],
      caFile: join(cwd, 'sub/ca.pem'),
      clientCertificates: [],
    });
  });

  it('names Public ECR only if it is preferred', async () => {
    const accessOf = async (...flags: string[]) =>
      (await registryAccess((await resolved('./a', ...flags)).registry)).access;
    expect((await accessOf()).named).not.toContain('public.ecr.aws');
    const access = await accessOf('--prefer-public-ecr');
    expect(access).toMatchObject({ preferPublicEcr: true, named: expect.arrayContaining(['public.ecr.aws']) });
  });

  it('passes credentials and CA to Helm, and plain HTTP only for its host', async () => {
    const { charts } = await resolved(
      'oci://r.example/web',
      'oci://other.example/web',
      ...CONFIG(),
      '--username',
      'me',
      '--password',
      'swordfish9',
      '--ca-file',
      'mine.pem',
    );
    const access = { username: 'me', password: 'swordfish9', caFile: 'mine.pem' };
    expect(charts[0]?.request.access).toEqual({ ...access, plainHttp: true });
    expect(charts[1]?.request.access).toEqual(access);
    expect(redact('helm pull --password swordfish9')).not.toContain('swordfish9');
  });

  it('sends credentials of the command line only to charts of the command line', async () => {
    const { charts } = await resolved('./a', ...CONFIG(), '--username', 'me', '--password', 'swordfish9');
    const logins = charts.map(({ request }) => request.access?.username ?? '');
    expect(logins).toEqual(['me', '', '', '', '', 'own', '']);
    expect(redact('hunter2hunter2')).toBe('***');
  });

  it('refuses render flags that apply to no chart', async () => {
    await expect(resolved(...CONFIG(), '--set', 'a=b', '--kube-version', '1.30')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/^--set, --kube-version: /),
      hint: expect.stringContaining('profiles'),
    });
    await expect(resolved('./a', ...CONFIG(), '--set', 'a=b')).resolves.toBeDefined();
  });

  it('refuses a variable without a value', async () => {
    await expect(resolved(...CONFIG(), '--var', 'WHICH')).rejects.toMatchObject({ code: 'usage' });
  });
});
