import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackChart } from '../../../src/helm/chart-archive.ts';
import { chartYaml } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarHeader, tarOf } from '../../support/tar.ts';

/** Archives that are small compressed and large unpacked. */

const MIB = 1024 * 1024;
const zeros = gzipSync(Buffer.alloc(MIB));
const CHART = tarOf([{ path: 'web/Chart.yaml', content: chartYaml('web') }]);
/** Without the two blocks of zeros that end a tar. */
const OPEN_CHART = CHART.subarray(0, -1024);

/** Separately compressed members (RFC 1952, 2.2): a text, then MiBs of zeros. */
function bomb(text: Buffer, mibs: number): Buffer {
  return Buffer.concat([gzipSync(text), ...Array.from({ length: mibs }, () => zeros)]);
}

describe('unpackChart', () => {
  it.each<[string, Buffer]>([
    [
      'unpacks to more than 100 MiB',
      bomb(Buffer.concat([OPEN_CHART, tarHeader({ path: 'web/zeros', size: 101 * MIB })]), 102),
    ],
    ['has an entry of 2 GiB with its true size', bomb(tarHeader({ path: 'web/x', size: 2 ** 31 }), 2048)],
    ['has 2 GiB of zeros after its end', bomb(CHART, 2048)],
  ])('refuses an archive that %s, without reading or writing all of it', async (_, bytes) => {
    const scratch = scratchFolder();
    await writeFile(join(scratch, 'x.tgz'), bytes);
    const before = process.memoryUsage.rss();
    await expect(unpackChart(join(scratch, 'x.tgz'), join(scratch, 'a'))).rejects.toMatchObject({
      code: 'chart-invalid',
      message: expect.stringContaining('100 MiB'),
    });
    expect(process.memoryUsage.rss() - before).toBeLessThan(400 * MIB);
    expect(readdirSync(scratch)).toEqual(['x.tgz']);
  });
});
