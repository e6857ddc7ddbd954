import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../../../evaluation/registry.ts';
import { checkArchive } from '../../../../evaluation/speed/contenders.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** Writes an archive with these blobs, named after their digests or as given. */
function archive(blobs: Readonly<Record<string, string>>): string {
  const folder = scratchFolder();
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  for (const [digest, text] of Object.entries(blobs))
    writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), text);
  execFileSync('tar', ['-C', folder, '-cf', join(folder, 'out.tar'), 'blobs']);
  return join(folder, 'out.tar');
}

test('an archive has every blob with its content', async () => {
  const [one, two] = [digestOf('one'), digestOf('two')];
  const workload = { references: [], images: [], digests: new Set([one, two]), bytes: 0 };
  await checkArchive(archive({ [one]: 'one', [two]: 'two' }), workload);
  await expect(checkArchive(archive({ [one]: 'one' }), workload)).rejects.toThrow(`lacks 1 of 2: ${two}`);
  await expect(checkArchive(archive({ [one]: 'one', [two]: 'spoilt' }), workload)).rejects.toThrow(two);
});
