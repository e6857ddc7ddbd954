import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePostRenderMap } from '../../../../src/overrides/edits/post-render-map.ts';
import { CHARTS, chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const hardcoded = join(CHARTS, 'hardcoded');
const flags = (chart: string): string[] => ['values', chart, '--to', 'ecr.example/m', '--unmapped=post-render'];

describe.for(HELMS)('unmapped references with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);
  const envOf = (folder: string) => ({ PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: folder });
  const isHelm4 = helm.version.startsWith('4');

  test('are written to a map that does not depend on the Helm version, with a proof for this version', async () => {
    const scratch = scratchFolder();
    const run = await airgap([...flags(join(CHARTS, 'fixed')), '--out', 'o.yaml'], envOf(scratch), scratch);
    const yaml = await readFile(join(scratch, 'o.yaml'), 'utf8');
    const { entries } = parsePostRenderMap(await readFile(join(scratch, 'o.post-render.json'), 'utf8'), 'map');
    expect(entries.map(({ kind, path, from, hook }) => [kind, path, from, hook].join(' ').trim())).toEqual([
      'ConfigMap data["pods.yaml"] busybox:1.35',
      'ConfigMap data["run.sh"] quay.io/fixed/tools:1.0.2',
      'Deployment spec.template.spec.containers[0].args[0] quay.io/fixed/tools:1.0.2',
      `Deployment spec.template.spec.containers[0].env[0].value quay.io/fixed/tools@sha256:${'a'.repeat(64)}`,
      'Deployment spec.template.spec.initContainers[0].image busybox:1.36.1',
      'Secret data.settings ghcr.io/fixed/worker:2.0.0',
      'Secret data.settings docker.io',
      'Job spec.template.spec.containers[0].image ghcr.io/fixed/migrate:2.0.0 true',
      'Pod spec.containers[0].image docker.io/curlimages/curl:8.10.1 true',
    ]);
    expect(run).toMatchObject({ code: isHelm4 ? 0 : 3, out: 'o.post-render.json written\no.yaml written\n' });
    expect(run.err).toContain(`${isHelm4 ? 8 : 6} of 8 references private`);
    expect(yaml).toMatch(/^# Needs a post-renderer .*docs\/post-render\.md/m);
    expect(yaml.match(/^# Still public: .*\bhooks\b/gm)?.length ?? 0).toBe(isHelm4 ? 0 : 2);
  });

  // Tests that do not depend on the Helm version run once.
  if (helm !== HELMS[0]) return;

  test('give an empty map if values change every reference', async () => {
    const scratch = scratchFolder();
    const args = [...flags(join(CHARTS, 'shop')), '--unmapped-map', 'map.json'];
    const { code, out } = await airgap(args, envOf(scratch), scratch);
    expect([code, out.includes('post-renderer')]).toEqual([0, false]);
    expect(parsePostRenderMap(await readFile(join(scratch, 'map.json'), 'utf8'), 'map').entries).toEqual([]);
  });

  test('are written to one map per chart of a folder', async () => {
    const scratch = scratchFolder();
    const run = () => airgap([...flags(hardcoded), '--out-dir', 'out'], envOf(scratch), scratch);
    expect(await run()).toMatchObject({ code: 0, out: expect.stringContaining('out/hardcoded.post-render.json') });
    expect((await readdir(join(scratch, 'out'))).sort()).toEqual(['hardcoded.post-render.json', 'hardcoded.yaml']);
    const yaml = await readFile(join(scratch, 'out/hardcoded.yaml'), 'utf8');
    expect(yaml).toContain('--map=hardcoded.post-render.json');
    expect(await run()).toMatchObject({ code: 0 });
  });

  test('are in the JSON output, with the proof of both', async () => {
    const scratch = scratchFolder();
    const args = [...flags(hardcoded), '--unmapped-map', 'map.json', '-o', 'json'];
    const { code, out } = await airgap(args, envOf(scratch), scratch);
    const { proof, residueMap } = JSON.parse(out) as { proof: object; residueMap: object };
    expect([code, proof]).toEqual([0, { references: 2, rewritten: 2, residue: [] }]);
    expect(residueMap).toEqual(JSON.parse(await readFile(join(scratch, 'map.json'), 'utf8')));
  });

  test('stay public for images that an operator chooses', async () => {
    const scratch = scratchFolder();
    const pod = 'spec: {containers: [{name: c, image: "quay.io/jetstack/cert-manager-controller:v1.17.2"}]}';
    await writeFiles(join(scratch, 'op'), {
      'Chart.yaml': chartYaml('op'),
      'templates/a.yaml': `kind: Deployment\nmetadata: {name: d}\nspec:\n  template: {${pod}}\n`,
    });
    const args = [...flags('./op'), '--unmapped-map', 'map.json'];
    const { code, err } = await airgap(args, envOf(scratch), scratch);
    expect([code, err]).toEqual([3, expect.stringContaining('still public: quay.io/jetstack/cert-manager-acmesolver')]);
    expect(err).not.toContain('still public: quay.io/jetstack/cert-manager-controller');
  });

  test('replace earlier map files, and nothing is written if one is another kind of file', async () => {
    const scratch = scratchFolder();
    const [overrides, map] = ['o.yaml', 'o.post-render.json'].map((name) => join(scratch, name)) as [string, string];
    await writeFile(map, '{"mine": true}');
    const run = () => airgap([...flags(hardcoded), '--out', 'o.yaml'], envOf(scratch), scratch);
    expect(await run()).toMatchObject({ code: 1, err: expect.stringContaining(map) });
    expect(await readdir(scratch)).toEqual(['o.post-render.json']);
    await writeFile(map, '{"apiVersion": "airgap/v0", "kind": "PostRenderMap"}');
    expect(await run()).toMatchObject({ code: 0 });
    await writeFile(overrides, 'site: mine\n');
    expect(await run()).toMatchObject({ code: 1, err: expect.stringContaining(overrides) });
    expect(await readFile(overrides, 'utf8')).toBe('site: mine\n');
  });

  it.each([
    ['the map has no file', [], '--unmapped-map'],
    ['the map has two paths', ['--out-dir', 'x', '--unmapped-map', 'm.json'], '--unmapped-map '],
    ['the overrides have two paths', ['--out', 'o.yaml', '--out-dir', 'x'], '--out '],
    ['the map is a folder', ['--unmapped-map', 'folder'], '--unmapped-map .*folder'],
    ['the overrides are no values', ['--unmapped-map', 'm.json', '--format', 'map'], '--format map'],
  ])('are a usage error if %s', async (_, more, message) => {
    const scratch = scratchFolder();
    await mkdir(join(scratch, 'folder'));
    const { code, err } = await airgap([...flags(hardcoded), ...more], envOf(scratch), scratch);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(await readdir(scratch)).toEqual(['folder']);
  });

  it('are a usage error if the map is not requested', async () => {
    const { code, err } = await airgap(['values', hardcoded, '--to', 'ecr.example/m', '--unmapped-map', 'm.json']);
    expect([code, err]).toEqual([2, expect.stringContaining('--unmapped=post-render')]);
  });
});
