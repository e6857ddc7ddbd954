import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compileWithModules } from '../../support/go.ts';
import { pageBlocks } from '../../support/page.ts';
import { pipelines } from '../../support/pipelines.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** The workflow files of .github run what CI runs. actionlint accepts them, and those of the documents. */

const root = join(import.meta.dirname, '../../..');
const workflows = globSync('.github/workflows/*.yml', { cwd: root }).map((path) => join(root, path));
const folder = scratchFolder();
const program = join(folder, 'actionlint');
let missing: string | undefined;

beforeAll(() => {
  missing = compileWithModules('actionlint', program);
}, 220_000);

const lint = (...files: readonly string[]) => spawnSync(program, [...files], { encoding: 'utf8', timeout: 60_000 });

it('actionlint finds nothing in them', ({ skip }) => {
  if (missing !== undefined) skip(missing);
  expect(lint(...workflows)).toMatchObject({ status: 0, stdout: '' });
});

it('actionlint finds a wrong key', ({ skip }) => {
  if (missing !== undefined) skip(missing);
  const wrong = join(folder, 'wrong.yml');
  writeFileSync(wrong, readFileSync(workflows[0] as string, 'utf8').replace('runs-on:', 'runs_on:'));
  expect(lint(wrong)).toMatchObject({ status: 1, stdout: expect.stringContaining('runs_on') });
});

it('actionlint finds nothing in the workflows of the documents', ({ skip }) => {
  if (missing !== undefined) skip(missing);
  const config = join(folder, 'actionlint.yaml');
  writeFileSync(config, 'self-hosted-runner:\n  labels: [isolated, helm-airgap]\n');
  const documented = [
    pipelines().find(({ system }) => system === 'GitHub Actions')?.text ?? '',
    ...pageBlocks('docs/guides/ci.md').flatMap(({ mark, text }) => (mark.startsWith('file=.github/') ? [text] : [])),
  ];
  const files = documented.map((text, i) => {
    const file = join(folder, `documented-${i}.yml`);
    writeFileSync(file, text);
    return file;
  });
  expect(files).toHaveLength(2);
  expect(lint('-config-file', config, ...files)).toMatchObject({ status: 0, stdout: '' });
});

it('CI runs .ci/run, and the nightly sweep scripts of package.json', () => {
  const runs = workflows.flatMap((path) =>
    Object.values<{ steps: { run?: string }[] }>(parse(readFileSync(path, 'utf8')).jobs).flatMap(({ steps }) =>
      steps.flatMap(({ run }) => run ?? []),
    ),
  );
  expect(runs).toContain('.ci/run');
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const nightly: string[] = parse(readFileSync(join(root, '.github/workflows/nightly.yml'), 'utf8')).jobs.sweep.strategy
    .matrix.command;
  const named = nightly.map((command) => /npm run (\w+)/.exec(command)?.[1] ?? command);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
  expect(named).toHaveLength(3);
});
