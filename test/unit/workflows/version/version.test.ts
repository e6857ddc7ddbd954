import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { versionReport } from '../../../../src/cli/reports/version.ts';
import { versions } from '../../../../src/workflows/version/version.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const build = { version: '0.1.0', commit: 'c'.repeat(40) };
const cwd = scratchFolder();

/** Writes a program in place of Helm. */
function helmThat(name: string, script: string): string {
  writeFileSync(join(cwd, name), script);
  chmodSync(join(cwd, name), 0o755);
  return join(cwd, name);
}

it('are those of the program, Node.js, Helm and the platform', async () => {
  const helm = helmThat('good', '#!/bin/sh\necho v4.1.4+g0123456\n');
  const found = await versions({ env: { HELM_BIN: './good' }, cwd }, build);
  expect(found).toEqual({
    ...build,
    node: process.versions.node,
    helm: { version: '4.1.4', path: helm },
    platform: expect.stringMatching(/^(?:linux|darwin)\/(?:amd64|arm64)$/),
  });
  const lines = versionReport(found).split('\n');
  for (const fact of [build.version, build.commit, process.versions.node, '4.1.4', helm, found.platform])
    expect(lines.filter((line) => line.endsWith(`: ${fact}`))).toHaveLength(1);
});

it.each([
  ['missing', undefined, { HELM_BIN: '/none/helm' }],
  ['not on the path', undefined, { PATH: '/none' }],
  ['no program of this platform', 'not a program', { HELM_BIN: './bad' }],
  ['failing', '#!/bin/sh\necho broken >&2\nexit 3\n', { HELM_BIN: './bad' }],
  ['another program', '#!/bin/sh\necho hello\n', { HELM_BIN: './bad' }],
])('are given without Helm if it is %s', async (_, script, env) => {
  if (script !== undefined) helmThat('bad', script);
  const path = script === undefined ? {} : { path: join(cwd, 'bad') };
  const { helm, ...rest } = await versions({ env, cwd }, build);
  expect(helm).toEqual({ ...path, problem: expect.stringMatching(/./) });
  expect(rest).toMatchObject({ ...build, node: process.versions.node });
  expect(versionReport({ helm, ...rest })).toContain(helm.problem);

  const run = await airgap(['version', '-o', 'json'], env, cwd);
  expect(run).toMatchObject({ code: 0, err: '' });
  // From the sources, not from a build.
  expect(JSON.parse(run.out)).toMatchObject({ apiVersion: 'airgap/v1', kind: 'Version', commit: 'unknown', helm });
});

it('are one line with --version', async () => {
  expect((await airgap(['--version'], {}, cwd)).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
