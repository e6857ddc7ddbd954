import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { bundleReport } from '../../../../src/workflows/inspect/bundle-report.ts';
import { graphOf, registry, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

it('the differences are those of the file that was opened, whatever has its name later', async () => {
  const home = scratchFolder();
  const at = (name: string): string => join(home, name);
  await write(at('old.tar'), registry());
  await write(at('new.tar'), registry());
  const other = new MemoryRegistry();
  other.addImage('quay.io/evil', '1', [noise('evil', 100)]);
  await write(at('other.tar'), other, { graph: await graphOf(other, ['quay.io/evil:1']), charts: [] });
  let isReplaced = false;
  const emit = (event: AirgapEvent): void => {
    // The file is open by now, and its signature would be verified.
    if (isReplaced || !/reading the manifests/.test(JSON.stringify(event))) return;
    renameSync(at('other.tar'), at('new.tar'));
    isReplaced = true;
  };
  const context = { env: {}, cwd: home, emit };
  const report = await bundleReport(context, at('new.tar'), { since: at('old.tar'), concurrency: 2 });
  expect(isReplaced).toBe(true);
  expect(report.since?.images).toEqual({ added: [], removed: [], retagged: [], moved: [] });
  expect(report.since?.new.file).toBe(at('new.tar'));
});
