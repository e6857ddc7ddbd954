import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { singleFile } from '../../../src/bundle/files/random-file.ts';
import type { WrittenBlob } from '../../../src/bundle/write.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { ScanJob } from '../../../src/operator-scan/scan-thread.ts';
import { type ScanLimits, ScanThread } from '../../../src/operator-scan/scan-thread.ts';
import { goProgram } from '../../support/program.ts';
import fc from '../../support/property.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarOf } from '../../support/tar.ts';

const operator = 'quay.io/widget/operator:v1.0.0';
const [proxy, cache] = ['quay.io/widget/proxy:v1.2.3', 'quay.io/widget/cache:1.9.0'];
const program = Buffer.concat([goProgram({ build: ['path\tx'], code: [[proxy]] }), Buffer.alloc(300 * 1024)]);
const layer = tarOf([{ path: 'manager', content: program }]);
const base = tarOf([{ path: 'etc/defaults.yaml', content: `image: ${cache}` }]);

describe('ScanThread', () => {
  const LIMITS: ScanLimits = { memory: 512, fileTimeout: 60_000, imageTimeout: 60_000 };

  async function thread(limits: Partial<ScanLimits> = {}) {
    const path = join(scratchFolder(), 'layers');
    const scans = new ScanThread({ ...LIMITS, ...limits });
    onTestFinished(() => scans.close());
    const scan = async (bytes: Buffer) => {
      await writeFile(path, bytes);
      const blob: WrittenBlob = { digest: digestOf(bytes), size: bytes.length, offset: 0, files: [singleFile(path)] };
      const job: ScanJob = {
        ...{ image: operator, publishers: ['widget'], manifestWords: ['/manager'], config: undefined },
        ...{ layers: [blob], isPlatformKnown: true },
      };
      return (await scans.scan(job))?.candidates.map(({ reference }) => reference);
    };
    return { scans, scan };
  }

  const digest = digestOf(base);
  /** Contains as many names as are read: each becomes an object. */
  const hungry = tarOf(
    Array.from({ length: 400 }, (_, i) => ({
      path: `manifests/${i}/a.yaml`,
      content: Array.from(
        { length: 45 },
        (__, j) => `image: quay.io/${'x'.repeat(200)}/n${i}-${j}:v1.${i}.${j}@${digest}\n`,
      ).join(''),
    })),
  );

  test('stops a scan that needs too much memory and starts a new thread for the next image', async () => {
    const { scan } = await thread({ memory: 16 });
    await expect(scan(hungry)).rejects.toThrow(/memory/);
    expect(await scan(base)).toEqual([cache]);
  });

  test('stops a scan that spends too long on one file', async () => {
    const { scan } = await thread({ fileTimeout: 1 });
    await expect(scan(layer)).rejects.toThrow('0.001 s');
  });

  test('stops a scan that takes too long for the image', async () => {
    const { scan } = await thread({ imageTimeout: 1 });
    await expect(scan(layer)).rejects.toThrow('0.001 s');
  });

  test('reports a file that cannot be read and continues', async () => {
    const { scans, scan } = await thread();
    const gone: WrittenBlob = { digest: digestOf(base), size: 1, offset: 0, files: [singleFile('/nowhere/at/all')] };
    const job: ScanJob = {
      image: operator,
      publishers: [],
      manifestWords: [],
      config: undefined,
      layers: [gone],
      isPlatformKnown: true,
    };
    await expect(scans.scan(job)).rejects.toThrow('ENOENT');
    expect(await scan(layer)).toEqual([proxy]);
  });

  test('returns findings or an error, whatever the program contains', async () => {
    const { scan } = await thread();
    const head = goProgram({ build: ['path\tx'], code: [[proxy]] });
    const changes = fc.array(fc.tuple(fc.nat(head.length - 1), fc.nat(255)), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(head.length), async (edits, length) => {
        const bytes = Buffer.concat([head.subarray(0, length), Buffer.alloc(300 * 1024)]);
        for (const [at, value] of edits) bytes[at] = value;
        const found = await scan(tarOf([{ path: 'manager', content: bytes }]));
        expect(found).toBeInstanceOf(Array);
      }),
      { numRuns: 60 },
    );
    expect(await scan(layer)).toEqual([proxy]);
  });

  test('starts nothing after close', async () => {
    const { scans, scan } = await thread();
    await scans.close();
    await expect(scan(layer)).rejects.toThrow(Error);
  });
});
