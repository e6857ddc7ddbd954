import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { silent } from '../../src/base/events.ts';
import { parseTarget } from '../../src/oci/naming.ts';
import { formatReference, parseReference } from '../../src/oci/reference.ts';
import type { Context } from '../../src/workflows/context.ts';
import { images } from '../../src/workflows/images.ts';
import { values } from '../../src/workflows/values.ts';
import { testHelms } from '../support/helm.ts';

/**
 * Real charts with hand-checked ground truth, from AIRGAP_CHARTS: what discovery finds, and what the overrides leave.
 * The second is checked with plain Helm on the text of the render, so that discovery cannot hide its own misses.
 */

interface Truth {
  readonly flags: readonly string[];
  readonly images: readonly { readonly ref: string; readonly normalized: string; readonly how: string }[];
  readonly ambiguous: readonly (
    | string
    | { readonly normalized?: string; readonly ref?: string; readonly string?: string }
  )[];
}

const folder = resolve(process.env.AIRGAP_CHARTS ?? '../shared/charts');
const truthFile = join(folder, 'truth.json');
const truths: Record<string, Truth> = existsSync(truthFile) ? JSON.parse(readFileSync(truthFile, 'utf8')) : {};
const helm = testHelms().findLast(({ path }) => path !== undefined)?.path ?? '';
const home = mkdtempSync(join(tmpdir(), 'airgap-corpus-'));
const context: Context = { env: { PATH: process.env.PATH, HOME: home, HELM_BIN: helm }, cwd: home, emit: silent };
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Not in the chart's own render, so that its own overrides do not reach it. */
const ELSEWHERE = new Set(['operator-binary', 'child-chart']);

test('there is ground truth', () => expect(Object.keys(truths).length).toBeGreaterThan(0));

for (const [archive, truth] of Object.entries(truths)) {
  const chart = join(folder, archive);
  const files = truth.flags.flatMap((flag, i) => (truth.flags[i - 1] === '-f' ? [join(folder, flag)] : []));
  const render = {
    values: files,
    kubeVersion: '1.35.0',
    skipSchemaValidation: truth.flags.includes('--skip-schema-validation'),
  };

  test(`${archive}: every image is found, and nothing else`, async () => {
    const jobs = [{ request: { chart }, profiles: [{ name: 'default', options: render }] }];
    // Charts within charts lie in the same folder.
    const chartSources = { mirrors: [{ from: '*', to: { folder } }], plainHttp: [] };
    const found = await images(context, { charts: jobs, add: [], exclude: [], chartSources });
    expect(found.failures).toEqual([]);
    const sure = found.images.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference);
    const wanted = truth.images.filter(({ how }) => how !== 'operator-binary').map(({ normalized }) => normalized);
    const allowed = new Set([...truth.images.map(({ normalized }) => normalized), ...truth.ambiguous.map(ambiguous)]);
    expect(wanted.filter((reference) => !sure.includes(reference))).toEqual([]);
    expect(sure.filter((reference) => !allowed.has(reference))).toEqual([]);
  });

  test(`${archive}: every reference is private with the overrides, or named as residue`, async () => {
    const target = parseTarget('registry.internal.example:5000/mirror', 'host-path');
    const [result] = await values(context, { request: { chart }, bundle: undefined, target, render });
    const residue = new Set(result?.proof.residue.map(({ reference }) => reference));
    const file = join(home, `${archive}.json`);
    writeFileSync(file, JSON.stringify(result?.overrides));
    const flags = [...files, file].flatMap((path) => ['-f', path]);
    const skip = render.skipSchemaValidation ? ['--skip-schema-validation'] : [];
    const args = ['template', 'rel', chart, '--kube-version', '1.35.0', ...skip, ...flags];
    const { stdout } = await execa(helm, args, { env: context.env, extendEnv: false });
    const left = truth.images.filter(({ ref, how }) => !ELSEWHERE.has(how) && /[/:]/.test(ref) && stands(stdout, ref));
    expect(left.filter(({ normalized }) => !residue.has(normalized))).toEqual([]);
    expect(result?.proof.rewritten).toBe((result?.proof.references ?? 0) - residue.size);
  });
}

function ambiguous(entry: Truth['ambiguous'][number]): string {
  const text = typeof entry === 'string' ? entry : (entry.normalized ?? entry.ref ?? entry.string ?? '');
  return formatReference(parseReference(text));
}

function stands(text: string, reference: string): boolean {
  const escaped = reference.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`(?<![\\w./@-])${escaped}(?![\\w/@-]|:\\w|\\.\\w)`).test(text);
}
