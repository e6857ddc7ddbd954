import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { inspectReport } from '../../../../src/cli/reports/inspect.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { walk } from '../../../../src/transfer/walk.ts';
import { inspect } from '../../../../src/workflows/inspect/inspect.ts';
import { registry, write } from '../../../support/bundles.ts';
import { type MemoryRegistry, references } from '../../../support/memory-registry.ts';
import { blocksText } from '../../../support/report-text.ts';
import { scratchFolder } from '../../../support/scratch.ts';

async function subset(source: MemoryRegistry, name: string): Promise<Graph> {
  const platforms = [parsePlatform('linux/arm64')];
  const options = { platforms, concurrency: 4, emit: ignoreEvents };
  const { graph, failures } = await walk(source, references(name), options);
  expect(failures).toEqual([]);
  return graph;
}

it('shows the digest of an index before and after platforms were removed', async () => {
  const source = registry();
  const path = join(scratchFolder(), 'b');
  const graph = await subset(source, 'quay.io/multi:3');
  await write(path, source, { graph, charts: [] });
  const before = source.tags.get('quay.io/multi:3') as Digest;
  const inspection = await inspect(path);
  const [image] = inspection.lock?.images ?? [];
  expect(image?.sourceDigest).toBe(before);
  expect(image?.digest).not.toBe(before);
  expect(inspection.images).toEqual([{ reference: 'quay.io/multi:3', digest: image?.digest }]);
  const short = (digest = ''): string => digest.slice(0, 19);
  expect(blocksText(inspectReport(inspection))).toContain(`${short(image?.digest)} (was ${short(before)})`);
});

it('shows a single digest for a pinned reference, which has all platforms', async () => {
  const source = registry();
  const path = join(scratchFolder(), 'b');
  const digest = source.tags.get('quay.io/multi:3') as Digest;
  const graph = await subset(source, `quay.io/multi@${digest}`);
  await write(path, source, { graph, charts: [] });
  const inspection = await inspect(path);
  expect(inspection.images).toEqual([{ reference: `quay.io/multi@${digest}`, digest }]);
  expect(inspection.lock?.images[0]?.sourceDigest).toBeUndefined();
  expect(blocksText(inspectReport(inspection))).not.toContain('(was');
  expect(graph.manifests.size).toBe(3);
});
