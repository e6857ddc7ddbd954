import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { filledRepositories } from '../../../../src/workflows/prune/filled.ts';
import { Kept } from '../../../../src/workflows/prune/kept.ts';
import { missingRepositories, planPush } from '../../../../src/workflows/push/plan-push.ts';
import { type PushOptions, push } from '../../../../src/workflows/push/push.ts';
import { verifyReceipt } from '../../../../src/workflows/verify/verify-receipt.ts';
import { chartYaml } from '../../../support/charts.ts';
import type { TestEcr } from '../../../support/ecr.ts';
import { bundleFile, context, ecrForTest, pushOptions } from '../../../support/push-to-ecr.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { tarOf } from '../../../support/tar.ts';

const silently = async (): Promise<void> => {};

/** Writes an archive of a changed chart with the name and version of the chart in the bundle. */
async function archiveFile(name = 'demo', values = 'a: 1\n'): Promise<string> {
  const file = join(scratchFolder(), `${name}.tgz`);
  const files = { 'Chart.yaml': chartYaml(name, '1.2.3+b'), 'values.yaml': values, 'airgap-changes.json': '{}' };
  const entries = Object.entries(files).map(([path, content]) => ({ path: `${name}/${path}`, content }));
  await writeFile(file, gzipSync(tarOf(entries)));
  return file;
}

const optionsFor = (ecr: TestEcr, files: string[], chartArchives: string[], more: Partial<PushOptions> = {}) =>
  pushOptions(ecr, files, {
    chartArchives,
    targets: [{ ...parseTarget(`${ecr.host}/m`, 'host-path'), archivePrefix: 'm/installed' }],
    ...more,
  });

describe('a push of chart archives', () => {
  it('with a bundle puts both charts under their own paths, as the plan says', async () => {
    const ecr = await ecrForTest({ blobMounting: true });
    const file = await bundleFile();
    const options = optionsFor(ecr, [file], [await archiveFile()]);
    const [plan] = await planPush(context, options);
    expect(plan?.repositories?.missing).toEqual(expect.arrayContaining(['m/charts/demo', 'm/installed/demo']));
    expect((await missingRepositories(context, options)).paths).toContain('m/installed/demo');
    expect(ecr.repositories.size).toBe(0);

    const [result] = await push(context, options, silently);
    expect(result?.charts.map(({ target: { path, tag } }) => `${path}:${tag}`).sort()).toEqual([
      'm/charts/demo:1.2.3_b',
      'm/installed/demo:1.2.3_b',
    ]);
    expect({ blobs: result?.blobs.stored, bytes: result?.bytes }).toEqual({ blobs: plan?.blobs, bytes: plan?.bytes });
    expect(result?.created).toContain('m/installed/demo');
    const { receipt } = result ?? expect.fail('nothing was pushed');
    expect(receipt.bundles).toEqual([
      expect.objectContaining({ lock: expect.stringMatching(/^sha256:/) }),
      { file: 'demo.tgz', size: expect.any(Number), lock: undefined },
    ]);
    expect(receipt.items.map(({ source }) => source)).toContain('chart-archives/demo:1.2.3_b');
    const { access } = options;
    expect(await verifyReceipt(context, receipt, { access, concurrency: 2, bundle: file })).toMatchObject({
      differences: [],
      missing: [],
    });

    const [again] = await push(context, options, silently);
    expect(again?.charts.map(({ status }) => status)).toEqual(['present', 'present']);
  });

  it('needs no bundle, whatever the naming', async () => {
    const ecr = await ecrForTest();
    const target = { ...parseTarget(`${ecr.host}/m`, 'as-written'), archivePrefix: 'own' };
    const [result] = await push(context, optionsFor(ecr, [], [await archiveFile()], { targets: [target] }), silently);
    expect([...ecr.repositories.keys()]).toEqual(['own/demo']);
    expect([result?.images, result?.charts.length]).toEqual([[], 1]);
  });

  it('follows the rules of existing tags', async () => {
    const ecr = await ecrForTest();
    await push(context, optionsFor(ecr, [], [await archiveFile()]), silently);
    const other = [await archiveFile('demo', 'a: 2\n')];
    await expect(push(context, optionsFor(ecr, [], other), silently)).rejects.toMatchObject({ code: 'tag-conflict' });
    const [kept] = await push(context, optionsFor(ecr, [], other, { existing: 'skip' }), silently);
    expect(kept?.charts.map(({ status }) => status)).toEqual(['kept']);
    const [replaced] = await push(context, optionsFor(ecr, [], other, { existing: 'overwrite' }), silently);
    expect(replaced?.charts.map(({ status }) => status)).toEqual(['pushed']);
  });

  it('sends nothing to the path of upstream charts, or under one name twice', async () => {
    const ecr = await ecrForTest();
    const [target] = optionsFor(ecr, [], []).targets;
    const targets = [{ ...(target ?? expect.fail('no target')), archivePrefix: 'm/charts' }];
    const upstream = push(context, optionsFor(ecr, [], [await archiveFile()], { targets }), silently);
    await expect(upstream).rejects.toMatchObject({ code: 'usage' });
    const twice = push(
      context,
      optionsFor(ecr, [], [await archiveFile(), await archiveFile('demo', 'b: 1\n')]),
      silently,
    );
    await expect(twice).rejects.toMatchObject({ code: 'collision' });
    expect(ecr.repositories.size).toBe(0);
  });

  it('does not make prune touch its repositories: no kept bundle has these charts', async () => {
    const ecr = await ecrForTest();
    const options = optionsFor(ecr, [await bundleFile()], [await archiveFile()]);
    const [result] = await push(context, options, silently);
    const receipt = join(scratchFolder(), 'receipt.json');
    await writeFile(receipt, JSON.stringify(result?.receipt));
    const [target] = options.targets;
    const isFilled = await filledRepositories(
      new Kept(),
      { files: [], receipts: [receipt] },
      target ?? expect.fail('no target'),
      context.emit,
    );
    expect(['m/charts/demo', 'm/installed/demo'].map(isFilled)).toEqual([true, false]);
  });
});
