import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkArchive, pulls, pushes } from '../../../../evaluation/speed/contenders.ts';
import { digestOf } from '../../../support/digest.ts';
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
  const workload = { images: [], digests: new Set([one, two]), bytes: 0 };
  await checkArchive(archive({ [one]: 'one', [two]: 'two' }), workload);
  await expect(checkArchive(archive({ [one]: 'one' }), workload)).rejects.toThrow(`lacks 1 of 2: ${two}`);
  await expect(checkArchive(archive({ [one]: 'one', [two]: 'spoilt' }), workload)).rejects.toThrow(two);
});

test('both tools copy every image, skopeo by a name without slashes and colons', () => {
  const image = { repository: 'shared/0', reference: 'v1', digest: digestOf('') };
  const workload = { images: [image, { ...image, repository: 'shared/1' }], digests: new Set<string>(), bytes: 0 };
  const { airgap, skopeo = '' } = pulls('host:1', workload);
  expect(airgap).toContain('host:1/shared/0:v1 host:1/shared/1:v1');
  expect(skopeo.match(/docker:\/\/host:1\/shared\/0:v1 oci:"\$WORK\/oci":shared-0-v1$/m)).not.toBeNull();
  const pushed = pushes('host:2', workload);
  for (const name of ['skopeo, unpacked before', 'skopeo, from the archive'])
    expect(pushed[name]?.match(/:shared-[01]-v1 docker:\/\/host:2\/shared\/[01]:v1$/gm)).toHaveLength(2);
});
