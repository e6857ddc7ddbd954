import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { buildKustomization } from '../../../src/manifests/kustomize.ts';
import { KUBECTL, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { scratchFolder } from '../../support/scratch.ts';

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: quay.io/team/web:1}]}}}
`;

function kustomizationOf(files: Readonly<Record<string, string>>): string {
  const folder = scratchFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** A folder that has only the real kubectl. */
function onlyKubectl(): string {
  const folder = scratchFolder();
  symlinkSync(KUBECTL as string, join(folder, 'kubectl'));
  return folder;
}

function build(folder: string, PATH = onlyKubectl()): Promise<string> {
  return buildKustomization({ cwd: folder, env: { PATH, HOME: folder } }, folder, 'kustomize app');
}

test('kustomize gets no secrets, except those of git', async () => {
  const folder = kustomizationOf({ 'kustomization.yaml': '', kustomize: '#!/bin/sh\nexport -p\n' });
  chmodSync(join(folder, 'kustomize'), 0o755);
  const secrets = {
    AWS_SECRET_ACCESS_KEY: 'one',
    AIRGAP_TOKEN: 'two',
    DOCKER_AUTH_CONFIG: 'three',
    VAULT_TOKEN: 'four',
  };
  const env = { PATH: folder, HOME: folder, ...secrets, GIT_SSH_COMMAND: 'five', HTTPS_PROXY: 'http://six' };
  const printed = await buildKustomization({ cwd: folder, env }, folder, 'kustomize app');
  expect(printed).toMatch(/GIT_SSH_COMMAND=.five[\s\S]*HTTPS_PROXY=.http:\/\/six/);
  expect(printed).not.toMatch(/one|two|three|four/);
});

describe('kubectl kustomize', () => {
  beforeEach((context) => context.skip(WITHOUT_KUBECTL !== undefined, WITHOUT_KUBECTL));

  test('builds a kustomization with its base', async () => {
    const folder = kustomizationOf({
      'kustomization.yaml': 'resources: [base]\nnamePrefix: my-\n',
      'base/kustomization.yaml': 'resources: [web.yaml]\n',
      'base/web.yaml': DEPLOYMENT,
    });
    expect(await build(folder)).toMatch(/image: quay\.io\/team\/web:1[\s\S]*|name: my-web/);
  });

  test.each([
    ['a missing resource', { 'kustomization.yaml': 'resources: [gone.yaml]\n' }, /gone\.yaml/],
    ['an unknown field', { 'kustomization.yaml': 'imagez: []\n' }, /imagez/],
    ['no kustomization', { 'other.yaml': DEPLOYMENT }, /kustomization/i],
    ['Helm charts', { 'kustomization.yaml': 'helmCharts: [{name: a, repo: https://x.example}]\n' }, /helm/],
  ])('%s is one sentence', async (_, files, words) => {
    const error = await build(kustomizationOf(files)).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'chart-invalid' });
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain('\n');
    expect(error.hint).toBeDefined();
  });
});

test('prefers kustomize, and says if there is neither', async () => {
  const folder = kustomizationOf({ 'kustomization.yaml': '' });
  const programs = scratchFolder();
  await expect(build(folder, programs)).rejects.toMatchObject({ code: 'usage' });
  writeFileSync(join(programs, 'kustomize'), `#!/bin/sh\necho "built $*"; echo "$AIRGAP_KEY_PASSPHRASE" >&2\n`, {
    mode: 0o755,
  });
  writeFileSync(join(programs, 'kubectl'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  expect(await build(folder, programs)).toBe(`built build ${folder}\n`);
});

test('a file or nothing in place of the folder is wrong usage', async () => {
  const folder = kustomizationOf({ file: '' });
  await expect(build(join(folder, 'file'))).rejects.toMatchObject({ code: 'usage' });
  await expect(build(join(folder, 'gone'))).rejects.toMatchObject({ code: 'usage' });
});
