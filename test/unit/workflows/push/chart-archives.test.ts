import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { parseManifest } from '../../../../src/oci/manifest.ts';
import {
  type ChartArchive,
  checkArchivePrefix,
  installedPrefix,
  readChartArchives,
  withChartArchives,
} from '../../../../src/workflows/push/chart-archives.ts';
import { chartYaml } from '../../../support/charts.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { type TarFile, tarOf } from '../../../support/tar.ts';

const CHANGES = { path: 'app/airgap-changes.json', content: '{}' };

async function read(...archives: readonly (readonly TarFile[] | Buffer)[]): Promise<readonly ChartArchive[]> {
  const cwd = scratchFolder();
  const names = archives.map((_, i) => `${i}.tgz`);
  for (const [i, archive] of archives.entries())
    await writeFile(join(cwd, `${i}.tgz`), Buffer.isBuffer(archive) ? archive : gzipSync(tarOf(archive)));
  return readChartArchives({ cwd, emit: ignoreEvents }, names);
}

const metadata = (name = 'app', version = '1.0.0'): TarFile => ({
  path: `${name}/Chart.yaml`,
  content: chartYaml(name, version),
});

describe('readChartArchives', () => {
  it('makes Helm artifacts of archives, with the provenance beside them', async () => {
    const cwd = scratchFolder();
    const tgz = gzipSync(tarOf([metadata('app', '1.0.0+b')]));
    await writeFile(join(cwd, 'a.tgz'), tgz);
    await writeFile(join(cwd, 'a.tgz.prov'), 'signed');
    const [archive] = await readChartArchives({ cwd, emit: ignoreEvents }, ['a.tgz']);
    expect(archive).toMatchObject({ path: 'a.tgz', size: tgz.length, isChanged: false });
    const { descriptor, content } = archive?.artifact ?? expect.fail('no archive');
    const { blobs } = parseManifest(
      descriptor.mediaType,
      content.manifests.get(descriptor.digest)?.bytes as Uint8Array,
    );
    const bytes = blobs.map(({ digest }) => Buffer.from(content.blobs.get(digest)?.bytes ?? []));
    expect(bytes[1]?.equals(tgz)).toBe(true);
    expect(bytes[2]?.toString()).toBe('signed');
    const { roots } = withChartArchives(
      { roots: [], manifests: new Map(), blobs: new Map() },
      archive ? [archive] : [],
    );
    expect(roots.map(({ reference }) => reference)).toEqual([
      { registry: 'chart-archives', path: 'app', tag: '1.0.0_b' },
    ]);
  });

  it('takes the dependencies of charts of Helm 2 from their own file', async () => {
    const required = { path: 'app/requirements.yaml', content: 'dependencies: [{version: 1.0.0, name: sub}]\n' };
    const [archive] = await read([metadata(), required]);
    const configs = [...(archive?.artifact.content.blobs.values() ?? [])].map(({ bytes }) =>
      String(Buffer.from(bytes ?? [])),
    );
    expect(configs[0]).toContain('"dependencies":[{"name":"sub","version":"1.0.0","repository":""}]');
  });

  it('takes repeated archives once', async () => {
    expect(await read([metadata()], [metadata()], [metadata('b')])).toHaveLength(2);
  });

  it('refuses different archives of the same name and version', async () => {
    const other = [metadata(), { path: 'app/values.yaml', content: 'a: 1' }];
    await expect(read([metadata()], other)).rejects.toMatchObject({ code: 'collision' });
  });

  it.for([
    { what: 'a text', bytes: Buffer.from('text') },
    { what: 'nothing', bytes: Buffer.alloc(0) },
    { what: 'no Chart.yaml', bytes: gzipSync(tarOf([{ path: 'app/values.yaml', content: 'a: 1' }])) },
    { what: 'a path that leaves the chart', bytes: gzipSync(tarOf([metadata(), { path: '../x', content: 'a' }])) },
    { what: 'an absolute path', bytes: gzipSync(tarOf([metadata(), { path: '/etc/x', content: 'a' }])) },
    { what: 'a link', bytes: gzipSync(tarOf([metadata(), { path: 'app/x', link: '/etc/passwd' }])) },
    { what: 'no version', bytes: gzipSync(tarOf([{ path: 'app/Chart.yaml', content: 'name: app\n' }])) },
    { what: 'a name that is a path', bytes: gzipSync(tarOf([{ path: 'a/Chart.yaml', content: chartYaml('"../x"') }])) },
    { what: 'a half archive', bytes: gzipSync(tarOf([metadata()])).subarray(0, 60) },
    { what: 'too much', bytes: gzipSync(tarOf([metadata(), { path: 'app/x', content: Buffer.alloc(101 * 2 ** 20) }])) },
  ])('refuses an archive with $what', async ({ bytes }) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'chart-invalid',
      message: expect.stringContaining('0.tgz'),
    });
  });

  it('refuses folders and missing files, all at once', async () => {
    const cwd = scratchFolder();
    await mkdir(join(cwd, 'app'));
    const reading = readChartArchives({ cwd, emit: ignoreEvents }, ['app', 'none.tgz']);
    await expect(reading).rejects.toMatchObject({ causes: [{ code: 'usage' }, { code: 'file' }] });
  });
});

describe('the path of chart archives', () => {
  const target = (prefix: string, archivePrefix?: string) => ({
    ...parseTarget(`r.example${prefix}`, 'host-path'),
    ...(archivePrefix !== undefined && { archivePrefix }),
  });

  it('is not that of upstream charts for a changed chart', async () => {
    const changed = await read([metadata(), CHANGES]);
    for (const refused of [target('/m'), target('/m', 'm/charts'), target('', 'charts')])
      expect(() => checkArchivePrefix(changed, refused)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => checkArchivePrefix(changed, target('/m', 'm/installed'))).not.toThrow();
    const unchanged = await read([metadata()]);
    expect(() => checkArchivePrefix(unchanged, target('/m'))).not.toThrow();
  });

  it('is proposed below the prefix of the target', () => {
    expect([installedPrefix(target('')), installedPrefix(target('/a/b'))]).toEqual(['installed', 'a/b/installed']);
  });
});
