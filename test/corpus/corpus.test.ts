import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { silent } from '../../src/base/events.ts';
import { parseTarget } from '../../src/oci/naming.ts';
import type { Context } from '../../src/workflows/context.ts';
import { images } from '../../src/workflows/images.ts';
import { values } from '../../src/workflows/values.ts';
import { readCorpus, stands } from '../support/corpus.ts';
import { testHelms } from '../support/helm.ts';

/**
 * Real charts with hand-checked ground truth, from AIRGAP_CHARTS: what discovery finds, and what the overrides leave.
 * The second is checked with plain Helm on the text of the render, so that discovery cannot hide its own misses.
 */

const corpus = readCorpus();
const helm = testHelms().findLast(({ path }) => path !== undefined)?.path ?? '';
const home = mkdtempSync(join(tmpdir(), 'airgap-corpus-'));
const context: Context = { env: { PATH: process.env.PATH, HOME: home, HELM_BIN: helm }, cwd: home, emit: silent };
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Not in the chart's own render, so that its own overrides do not reach it. */
const ELSEWHERE = new Set(['operator-binary', 'child-chart']);

test('there is ground truth', () => expect(corpus.length).toBeGreaterThan(0));

for (const { name, archive: chart, render, flags, ...truth } of corpus) {
  test(`${name}: every image is found, and nothing else`, async () => {
    const jobs = [{ request: { chart }, profiles: [{ name: 'default', options: render }] }];
    // Charts within charts lie in the same folder.
    const chartSources = { mirrors: [{ from: '*', to: { folder: dirname(chart) } }], plainHttp: [] };
    const found = await images(context, { charts: jobs, add: [], chartSources });
    expect(found.failures).toEqual([]);
    const sure = found.images.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference);
    const wanted = truth.images.filter(({ how }) => how !== 'operator-binary').map(({ normalized }) => normalized);
    const allowed = new Set([...truth.images.map(({ normalized }) => normalized), ...truth.ambiguous]);
    expect(wanted.filter((reference) => !sure.includes(reference))).toEqual([]);
    expect(sure.filter((reference) => !allowed.has(reference))).toEqual([]);
  });

  test(`${name}: every reference is private with the overrides, or named as residue`, async () => {
    const target = parseTarget('registry.internal.example:5000/mirror', 'host-path');
    const [result] = await values(context, { request: { chart }, bundle: undefined, target, render });
    const residue = new Set(result?.proof.residue.map(({ reference }) => reference));
    const file = join(home, `${name}.json`);
    writeFileSync(file, JSON.stringify(result?.overrides));
    const args = ['template', render.releaseName, chart, ...flags, '-f', file];
    const { stdout } = await execa(helm, args, { env: context.env, extendEnv: false });
    const left = truth.images.filter(({ ref, how }) => !ELSEWHERE.has(how) && /[/:]/.test(ref) && stands(stdout, ref));
    expect(left.filter(({ normalized }) => !residue.has(normalized))).toEqual([]);
    expect(result?.proof.rewritten).toBe((result?.proof.references ?? 0) - residue.size);
  });
}
