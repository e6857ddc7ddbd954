import { chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { archiveWithFile, packChart, readArchive, unpackChart } from '../../../src/helm/chart-archive.ts';
import { parseMetadata } from '../../../src/helm/chart-metadata.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';

interface Entry {
  readonly path: string;
  readonly text?: string;
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  readonly linkpath?: string;
  /** Size in the header without content. */
  readonly size?: number;
}

/** Returns a tar archive, also with entries that no honest tool would write. */
function tarOf(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, text = '', type = 'File', linkpath, size }) => {
    const block = Buffer.alloc(512);
    const body = Buffer.from(text);
    new Header({ path, type, size: size ?? body.length, mode: 0o644, ...(linkpath && { linkpath }) }).encode(block);
    return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

async function unpack(bytes: Buffer): Promise<{ folder: string; files: string[]; outside: string[] }> {
  const scratch = scratchFolder();
  await writeFile(join(scratch, 'x.tgz'), bytes);
  const target = join(scratch, 'a/b');
  const folder = await unpackChart(join(scratch, 'x.tgz'), target);
  return {
    folder: folder.slice(target.length + 1),
    files: (await readdir(folder, { recursive: true })).sort(),
    outside: (await readdir(scratch)).concat(await readdir(join(scratch, 'a'))).sort(),
  };
}

async function refusal(bytes: Buffer): Promise<AirgapError> {
  const error = await unpack(bytes).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AirgapError);
  return error as AirgapError;
}

const CHART: Entry = { path: 'web/Chart.yaml', text: chartYaml('web') };

describe('unpackChart', () => {
  it('returns the only folder in the archive', async () => {
    const folders: Entry = { path: 'web/templates/', type: 'Directory' };
    const archive = gzipSync(
      tarOf([{ path: 'web/', type: 'Directory' }, CHART, folders, { path: 'web/templates/a/b.yaml', text: 'x' }]),
    );
    expect(await unpack(archive)).toMatchObject({
      folder: 'web',
      files: ['Chart.yaml', 'templates', 'templates/a', 'templates/a/b.yaml'],
    });
  });

  it.each<[string, Entry[]]>([
    ['a symbolic link', [CHART, { path: 'web/x', type: 'SymbolicLink', linkpath: '/etc/passwd' }]],
    [
      'a symbolic link to a folder, and a file below it',
      [
        { path: 'web/x', type: 'SymbolicLink', linkpath: '/tmp' },
        { path: 'web/x/evil', text: 'x' },
      ],
    ],
    ['a hard link', [CHART, { path: 'web/x', type: 'Link', linkpath: 'web/Chart.yaml' }]],
    ['a device', [CHART, { path: 'web/x', type: 'CharacterDevice' }]],
    ['a pipe', [CHART, { path: 'web/x', type: 'FIFO' }]],
    ['a file above', [CHART, { path: '../evil', text: 'x' }]],
    ['a file above by a detour', [CHART, { path: 'web/../../evil', text: 'x' }]],
    ['an absolute path', [CHART, { path: '/tmp/airgap-evil', text: 'x' }]],
    ['two folders', [CHART, { path: 'db/Chart.yaml', text: 'x' }]],
    ['no folder', [{ path: 'Chart.yaml', text: 'x' }]],
    ['nothing', []],
    ['two Chart.yaml, which Helm would merge', [CHART, { ...CHART, path: 'web/./Chart.yaml' }]],
    [
      'a file where a folder is',
      [CHART, { path: 'web/templates', text: 'x' }, { path: 'web/templates/a.yaml', text: 'x' }],
    ],
    ['a path of another system', [CHART, { path: 'web/templates\\x.yaml', text: 'x' }]],
    ['more files than any chart has', Array.from({ length: 10_001 }, (_, i) => ({ path: `web/${i}` }))],
  ])('refuses an archive with %s', async (_, entries) => {
    const error = await refusal(gzipSync(tarOf(entries)));
    expect(error).toMatchObject({ code: 'chart-invalid', hint: expect.stringContaining('helm package') });
    expect(await stat('/tmp/airgap-evil').catch(() => undefined)).toBeUndefined();
  });

  it('ignores data after the end of the tar, as Helm does', async () => {
    const second = tarOf([{ path: 'web/behind', text: 'x' }]);
    expect((await unpack(gzipSync(Buffer.concat([tarOf([CHART]), second])))).files).toEqual(['Chart.yaml']);
  });

  it.each<[string, Buffer]>([
    ['is empty', Buffer.alloc(0)],
    ['is not an archive', Buffer.from('<html>not found</html>')],
    ['is a tar without compression, which Helm refuses', tarOf([CHART])],
    ['is something else compressed', gzipSync('<html>not found</html>'.repeat(100))],
    ['is cut off', gzipSync(tarOf([CHART, { path: 'web/x', text: 'abc'.repeat(9999) }])).subarray(0, -60)],
    ['is cut off within the tar', gzipSync(tarOf([{ ...CHART, size: 4096 }]).subarray(0, 1024))],
    ['is compressed twice', gzipSync(gzipSync(tarOf([CHART])))],
    ['is damaged', gzipSync(tarOf([CHART])).fill(0x55, 20, 40)],
  ])('refuses an archive that %s', async (_, bytes) => {
    expect((await refusal(bytes)).code).toBe('chart-invalid');
  });
});

describe('packChart', () => {
  it('produces equal bytes for equal files, independent of times, modes and order', async () => {
    const scratch = scratchFolder();
    const files = {
      'Chart.yaml': chartYaml('web'),
      'values.yaml': 'a: 1\n',
      'templates/z.yaml': 'z',
      'templates/a/b.yaml': 'b',
    };
    const first = await writeFiles(join(scratch, 'one/web'), files);
    const second = await writeFiles(join(scratch, 'two/web'), Object.fromEntries(Object.entries(files).reverse()));
    await mkdir(join(second, 'empty'));
    await utimes(join(second, 'values.yaml'), 1, 1);
    await chmod(join(second, 'values.yaml'), 0o600);
    await chmod(join(second, 'Chart.yaml'), 0o775);
    const [a, b] = [join(scratch, 'a.tgz'), join(scratch, 'b.tgz')];
    await packChart(first, a);
    await packChart(second, b);
    const bytes = await readFile(a);
    expect((await readFile(b)).equals(bytes)).toBe(true);
    await packChart(first, a);
    expect((await readFile(a)).equals(bytes), 'over an older one too').toBe(true);
  });

  it('puts Chart.yaml first and keeps all content', async () => {
    const scratch = scratchFolder();
    const files = { 'Chart.yaml': chartYaml('web'), 'A.md': 'a', 'templates/x.yaml': 'ü: 1\n' };
    await packChart(await writeFiles(join(scratch, 'web'), files), join(scratch, 'x.tgz'));
    const folder = await unpackChart(join(scratch, 'x.tgz'), join(scratch, 'out'));
    for (const [name, text] of Object.entries(files)) expect(await readFile(join(folder, name), 'utf8')).toBe(text);
  });
});

describe('parseMetadata', () => {
  it('keeps every field and converts the version to a string', () => {
    expect(parseMetadata('name: web\nversion: 2\nx: {y: 1}', 'web')).toEqual({
      name: 'web',
      version: '2',
      x: { y: 1 },
    });
  });

  it('matches keys case-insensitively, as Helm does', () => {
    expect(parseMetadata('Name: web\nver\u017fion: 1.0.0\nAppVersion: 1.10', 'web')).toEqual({
      name: 'web',
      version: '1.0.0',
      appVersion: '1.1',
    });
  });

  it.each([
    '',
    '{',
    'text',
    '- name: web',
    'name: web',
    'version: 1.0.0',
    'name: 1\nversion: 1.0.0',
    'name: ../../web\nversion: 1.0.0',
    'name: a/b\nversion: 1.0.0',
    'name: web\nversion: ../../x?y',
    'name: web\nversion: "1.0.0\\n---"',
    'name: web\nversion: 1.0.0\nver\u017fion: ../x?',
    'name: web\nNAME: db\nversion: 1.0.0',
    'name: web\nVersion: "../x"',
    'name: web\nversion: [1]',
    'name: web\nversion: 1.0.0\nappVersion: [1]',
    'name: web\nversion: 1.0.0\nkubeVersion: {a: b}',
  ])('refuses %j', (text) => {
    expect(() => parseMetadata(text, 'here')).toThrow(
      expect.objectContaining({ code: 'chart-invalid', message: expect.stringContaining('here') }),
    );
  });

  it('refuses what Helm does not read for its length', () => {
    const text = `name: web\nversion: 1.0.0\ndescription: ${'x'.repeat(5 * 1024 ** 2)}\n`;
    expect(() => parseMetadata(text, 'here')).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
  });
});

describe('a copy with one more file', () => {
  it('contains every file of the chart and the new one, for all lengths', async () => {
    const scratch = scratchFolder();
    const longPath = `templates/${'deep/'.repeat(30)}a.yaml`;
    const files = {
      'Chart.yaml': chartYaml('web'),
      'templates/a.yaml': 'x'.repeat(512),
      'b.txt': '',
      [longPath]: 'long',
    };
    const folder = await writeFiles(join(scratch, 'web'), files);
    await packChart(folder, join(scratch, 'web.tgz'));
    const copy = join(scratch, 'copy.tgz');
    for (const text of ['', 'y', 'z'.repeat(512), 'z'.repeat(513)]) {
      await writeFile(copy, await archiveWithFile(join(scratch, 'web.tgz'), 'web/templates/new.yaml', text));
      const { root, files: found } = await readArchive(copy, /^/);
      expect(root).toBe('web');
      expect(Object.fromEntries([...found].map(([path, content]) => [path, content.toString()]))).toEqual({
        ...files,
        'templates/new.yaml': text,
      });
    }
  });

  it('keeps all files of an archive with unusual headers', async () => {
    const scratch = scratchFolder();
    const block = (path: string, type: 'File' | 'ExtendedHeader', body: string): Buffer[] => {
      const header = Buffer.alloc(512);
      new Header({ path, type, size: body.length, mode: 0o644 }).encode(header);
      return [header, Buffer.from(body.padEnd(512, '\0'))];
    };
    // The path is only in the extended header; the plain header starts with a zero.
    const [hidden = Buffer.alloc(0), body = Buffer.alloc(0)] = block('x', 'File', 'hidden');
    hidden.fill(0, 0, 100);
    hidden.fill(' ', 148, 156);
    const checksum = hidden.reduce((total, byte) => total + byte, 0);
    hidden.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
    const parts = [
      ...block('web/Chart.yaml', 'File', chartYaml('web')),
      ...block('PaxHeader/x', 'ExtendedHeader', '29 path=web/templates/h.yaml\n'),
      hidden,
      body,
    ];
    await writeFile(join(scratch, 'web.tgz'), gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)])));
    await writeFile(
      join(scratch, 'copy.tgz'),
      await archiveWithFile(join(scratch, 'web.tgz'), 'web/templates/new.yaml', 'n'),
    );
    const { files } = await readArchive(join(scratch, 'copy.tgz'), /^/);
    expect([...files.keys()].sort()).toEqual(['Chart.yaml', 'templates/h.yaml', 'templates/new.yaml']);
  });
});
