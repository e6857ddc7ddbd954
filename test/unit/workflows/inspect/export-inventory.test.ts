import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { inspectReport } from '../../../../src/cli/reports/inspect.ts';
import {
  type ExportedInventory,
  formatExportedInventory,
  readExportedInventory,
} from '../../../../src/inventory/exported-inventory.ts';
import type { StoredRecipe } from '../../../../src/inventory/recipe.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { deltaFields, readBaseBundle } from '../../../../src/workflows/bundle/delta.ts';
import { diff } from '../../../../src/workflows/inspect/diff.ts';
import { inspect, inspectInventory } from '../../../../src/workflows/inspect/inspect.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import { type MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { blocksText } from '../../../support/report-text.ts';
import { scratchFolder } from '../../../support/scratch.ts';

interface Written {
  readonly dir: string;
  readonly bundle: string;
  /** Path of the exported inventory. */
  readonly inventoryFile: string;
  readonly exported: ExportedInventory;
}

async function written(source: MemoryRegistry = registry()): Promise<Written> {
  const dir = scratchFolder();
  const bundle = join(dir, 'v1.tar');
  await write(bundle, source);
  return { dir, bundle, ...(await exportOf(bundle)) };
}

async function exportOf(bundle: string): Promise<Pick<Written, 'inventoryFile' | 'exported'>> {
  const exported = await inspectInventory(bundle, 4);
  const inventoryFile = `${bundle}.lock.json`;
  await writeFile(inventoryFile, formatExportedInventory(exported));
  return { inventoryFile, exported };
}

it('is read back unchanged, with the inventory digest of the bundle', async () => {
  const { inventoryFile, bundle, exported } = await written();
  expect(await readExportedInventory(inventoryFile)).toEqual(exported);
  const open = await openBundle(bundle);
  expect(exported).toMatchObject({ lockDigest: open.inventoryDigest, size: open.size, lock: open.inventory() });
  expect(exported.blobs.map(({ digest }) => digest)).toEqual([...open.entries.keys()].sort());
  await open.close();
});

it('replaces the base bundle of a delta, with identical results', async () => {
  const { inventoryFile, bundle } = await written();
  const graph = await graphOf(registry());
  const [ofBundle, ofLock] = [await readBaseBundle(bundle, 4), await readBaseBundle(inventoryFile, 4)];
  expect(ofLock).toEqual(ofBundle);
  expect(deltaFields(ofLock, graph, []).requires?.length).toBeGreaterThan(3);
});

it('of a delta includes the blobs that it omits', async () => {
  const source = registry();
  const { dir, inventoryFile, exported } = await written(source);
  const graph = await graphOf(source);
  const remaining = deltaFields(await readBaseBundle(inventoryFile, 4), graph, [chart]);
  const delta = join(dir, 'v2.tar');
  await write(delta, source, { graph, inventory: { ...inventoryOf(graph, [chart]), ...remaining } });
  const next = (await exportOf(delta)).exported;
  const digests = new Set(next.blobs.map(({ digest }) => digest));
  expect(next.blobs.length).toBe(exported.blobs.length);
  expect(remaining.requires?.every(({ digest }) => digests.has(digest))).toBe(true);
});

it('replaces the bundle in a comparison, on either side', async () => {
  const source = registry();
  const { dir, inventoryFile, bundle } = await written(source);
  source.addImage('quay.io/new', '1', [noise('new', 4000)]);
  const later = join(dir, 'v2.tar');
  await write(later, source, { graph: await graphOf(source, ['quay.io/a:1', 'quay.io/multi:3', 'quay.io/new:1']) });
  const next = await exportOf(later);
  const { old: _, new: __, ...expected } = await diff(bundle, later);
  expect(expected.images).toMatchObject({ added: [{}], removed: [{}] });
  const byLocks = await diff(inventoryFile, next.inventoryFile);
  expect(byLocks).toMatchObject(expected);
  expect([byLocks.old.file, byLocks.old.size]).toEqual([inventoryFile, (await diff(bundle, bundle)).old.size]);
  expect(await diff(inventoryFile, later)).toMatchObject(expected);
});

it('is reproducible', async () => {
  const [one, other] = [await written(), await written()];
  expect(formatExportedInventory(one.exported)).toBe(formatExportedInventory(other.exported));
  expect(formatExportedInventory(one.exported)).toContain(
    `  {"digest":"${digestOf(noise('base', 30_000))}","size":30000,"repositories":["docker.io/library/b","quay.io/a","quay.io/multi"]}`,
  );
});

it.each([
  ['{', /x\.json .*JSON/],
  ['{"kind":"Lock","schemaVersion":1}', /x\.json .*\bLock\b/],
  ['{"kind":"Inspection"}', /x\.json .*Inspection/],
  ['{}', /x\.json .*BundleLock/],
  ['{"kind":"BundleLock","schemaVersion":1}', /x\.json .*lockDigest: /],
])('rejects %s', async (text, message) => {
  const path = join(scratchFolder(), 'x.json');
  await writeFile(path, text);
  const refused = { code: 'bundle-invalid', message: expect.stringMatching(message) };
  await expect(readExportedInventory(path)).rejects.toMatchObject(refused);
  await expect(readBaseBundle(path, 4)).rejects.toMatchObject({
    ...refused,
    hint: expect.stringContaining('inspect OLD.tar -o lock'),
  });
});

it('of a newer schema names the version that reads it', async () => {
  const path = join(scratchFolder(), 'x.json');
  await writeFile(path, '{"kind":"BundleLock","schemaVersion":3,"minReaderVersion":"1.4.0"}');
  const message = /x\.json .*version 3.* 1\.4\.0 .*\b1 to 2\b/;
  const refused = { code: 'bundle-invalid', message: expect.stringMatching(message) };
  await expect(readExportedInventory(path)).rejects.toMatchObject(refused);
  await expect(readBaseBundle(path, 4)).rejects.toMatchObject({ hint: expect.stringContaining('1.4.0') });
});

it('is undefined for other and missing files', async () => {
  const { dir, bundle } = await written();
  expect(await readExportedInventory(bundle)).toBeUndefined();
  expect(await readExportedInventory(join(dir, 'none'))).toBeUndefined();
  expect(await readExportedInventory(dir)).toBeUndefined();
});

it('omits whole texts of values from older bundles, which inspect reports', async () => {
  const graph = await graphOf(registry());
  const segment = { start: 0, end: 4, components: ['quay'], hostFirst: true, suffix: '' };
  const recipe: StoredRecipe = {
    upgrade: false,
    slots: [{ ...segment, path: ['files', 'app.yaml'], value: 'quay.io/a:1 password hunter2' }],
    places: [],
    switches: [],
    refused: [],
  };
  const inventory = inventoryOf(graph, [chart]);
  const charts = inventory.charts.map((one) => ({ ...one, profiles: [{ name: 'default', recipes: [recipe] }] }));
  const bundle = join(scratchFolder(), 'old.tar');
  await write(bundle, registry(), { inventory: { ...inventory, charts } });
  const inspection = await inspect(bundle);
  expect(inspection.wholeTexts).toEqual([{ chart: 'demo 1.2.3+b', path: 'files."app.yaml"' }]);
  expect(blocksText(inspectReport(inspection))).toContain('demo 1.2.3+b: files."app.yaml"');
  expect(formatExportedInventory(await inspectInventory(bundle, 4))).not.toContain('hunter2');
});
