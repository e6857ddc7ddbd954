import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packChart, readArchive } from '../../../src/helm/chart-archive.ts';
import { withFile } from '../../../src/helm/chart-copy.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { chartYaml, writeFiles } from './scratch.ts';

it('holds every file of the chart and the new one, whatever their lengths', async () => {
  const scratch = scratchFolder();
  const long = `templates/${'deep/'.repeat(30)}a.yaml`;
  const files = { 'Chart.yaml': chartYaml('web'), 'templates/a.yaml': 'x'.repeat(512), 'b.txt': '', [long]: 'long' };
  const folder = await writeFiles(join(scratch, 'web'), files);
  await packChart(folder, join(scratch, 'web.tgz'));
  const copy = join(scratch, 'copy.tgz');
  for (const text of ['', 'y', 'z'.repeat(512), 'z'.repeat(513)]) {
    await writeFile(copy, await withFile(join(scratch, 'web.tgz'), 'web/templates/new.yaml', text));
    const { root, files: found } = await readArchive(copy, /^/);
    expect(root).toBe('web');
    expect(Object.fromEntries([...found].map(([path, content]) => [path, content.toString()]))).toEqual({
      ...files,
      'templates/new.yaml': text,
    });
  }
});
