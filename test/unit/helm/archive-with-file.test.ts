import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { expect, it } from 'vitest';
import { archiveWithFile } from '../../../src/helm/archive-with-file.ts';
import { packChart, readArchive } from '../../../src/helm/chart-archive.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { chartYaml, writeFiles } from './scratch.ts';

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
