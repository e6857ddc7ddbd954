import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planBundle } from '../../../../src/bundle/write.ts';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import { withKeptMaker } from '../../../../src/workflows/bundle/kept-maker.ts';
import { graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** Writes a bundle that a version has made. */
async function madeBy(version: string | undefined) {
  const source = registry();
  const path = join(scratchFolder(), 'b.tar');
  const graph = await graphOf(source);
  const inventory: Inventory = { ...inventoryOf(graph, []), ...(version !== undefined && { madeBy: version }) };
  await write(path, source, { graph, charts: [], inventory });
  return { path, graph, inventory };
}

describe('the version that made a bundle', () => {
  it.each(['0.1.0', undefined])('stays while the content is the same: %s', async (version) => {
    const { path, graph, inventory } = await madeBy(version);
    const kept = await withKeptMaker({ ...inventory, madeBy: '9.0.0' }, [], path);
    expect(kept.madeBy).toBe(version);
    const plan = await planBundle({ path, graph, charts: [], inventory: kept, force: false });
    expect(plan.isUpToDate).toBe(true);
  });

  it('is the present one for other content', async () => {
    const { path, inventory } = await madeBy('0.1.0');
    const other: Inventory = { ...inventory, madeBy: '9.0.0', platforms: ['linux/arm64'] };
    expect(await withKeptMaker(other, [], path)).toBe(other);
    const same: Inventory = { ...inventory, madeBy: '9.0.0' };
    expect(await withKeptMaker(same, [Buffer.from('evidence')], path)).toBe(same);
  });

  it('is the present one where no bundle is', async () => {
    const { path, inventory } = await madeBy('0.1.0');
    writeFileSync(path, 'text');
    for (const place of [path, `${path}.missing`]) expect(await withKeptMaker(inventory, [], place)).toBe(inventory);
  });
});
