import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { checkThisHost } from '../../../../src/workflows/doctor/this-host.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();
const build = { version: '1.0.0', commit: 'abc' };

async function findings(env: Readonly<Record<string, string>>) {
  const context = { env: { TMPDIR: folder, PATH: process.env.PATH, ...env }, cwd: folder, emit: ignoreEvents };
  const found = await checkThisHost(context, build);
  return Object.fromEntries(found.map(({ check, status }) => [check, status]));
}
function helm(text: string): string {
  const path = join(folder, `helm-${text}`);
  writeFileSync(path, `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
  return path;
}

it.each([
  ['v3.16.4', 'bad'],
  ['v3.17.0+g0', 'good'],
  ['v3.18.0', 'not-known'],
  ['v3.18.1', 'good'],
  ['v4.1.4', 'good'],
  ['no-version', 'bad'],
])('Helm that prints %s is %s', async (text, status) => {
  expect(await findings({ HELM_BIN: helm(text) })).toMatchObject({ helm: status, plugin: 'good', node: 'good' });
});

it('folders that are missing are told', async () => {
  const found = await findings({ HELM_BIN: join(folder, 'none'), TMPDIR: join(folder, 'none') });
  expect(found).toMatchObject({ helm: 'bad', 'temporary-folder': 'bad', 'working-folder': 'good' });
});
