import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { differences, reasonOf } from '../../../evaluation/overrides/differences.ts';
import { formatTarget, parseTarget } from '../../../src/naming/naming.ts';
import { values } from '../../../src/workflows/values/values.ts';
import { type ChartPlan, chartPlans, generateChart } from '../../support/chart-generator.ts';
import { writeFiles } from '../../support/charts.ts';
import { hasReference } from '../../support/corpus.ts';
import { HELMS } from '../../support/helm.ts';
import { helmIn } from '../../support/isolated-helm.ts';
import fc from '../../support/property.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Number of generated charts. A render takes 0.1 s or more; set AIRGAP_RUNS for longer runs. */
const RUNS = Number(process.env.AIRGAP_RUNS ?? 20);

const target = parseTarget('ecr.example:5000/m', 'host-path');
const helm = HELMS.findLast(({ path }) => path !== undefined);

it.skipIf(helm === undefined)(
  'overrides of any chart report every public reference that remains, and change nothing else',
  async () => {
    const scratch = scratchFolder();
    await fc.assert(
      fc.asyncProperty(chartPlans, (plan) => checkOverrides(plan, scratch)),
      { numRuns: RUNS, interruptAfterTimeLimit: 240_000 },
    );
  },
  300_000,
);

async function checkOverrides(plan: ChartPlan, scratch: string): Promise<void> {
  if (helm === undefined) return;
  const { files, written, unmapped: expectedUnmapped, isMappable } = generateChart(plan);
  const folder = await mkdtemp(join(scratch, 'chart-'));
  const chart = await writeFiles(join(folder, 'generated'), files);
  const plain = helmIn(scratch, helm);
  const render = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await plain.run(['template', 'x', chart, ...args]);
    expect([exitCode, stderr]).toEqual([0, expect.anything()]);
    return stdout;
  };
  const before = await render();
  const context = { env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder }, cwd: folder, emit: () => {} };
  const [result] = await values(context, { request: { chart }, bundle: undefined, target, render: {} });
  const named = [...new Set(result?.proof.residue.map(({ reference }) => reference))].sort();
  if (isMappable) expect(named).toEqual([...expectedUnmapped].sort());
  const file = join(folder, 'overrides.yaml');
  await writeFile(file, result?.yaml ?? '');
  const after = await render('-f', file);
  const expected = { target: formatTarget(target), switches: [], operands: [] };
  expect(differences(before, after).filter((difference) => reasonOf(difference, expected) === 'other')).toEqual([]);
  const unmapped = result?.proof.residue.map((difference) => difference.written) ?? [];
  const left = written.filter((text) => /[/:]/.test(text) && hasReference(decoded(after), text));
  expect(left.filter((text) => !unmapped.includes(text))).toEqual([]);
  await rm(folder, { recursive: true, force: true });
}

/** Appends the decoded text to base64 text. */
function decoded(render: string): string {
  return render.replaceAll(/[A-Za-z0-9+/]{30,}={0,2}/g, (blob) => `${blob}\n${Buffer.from(blob, 'base64')}`);
}
