import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHARTS } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

describe('the output of values', () => {
  const [helm] = HELMS.filter(({ path }) => path !== undefined);
  const folder = scratchFolder();
  const env = { PATH: process.env.PATH, HELM_BIN: helm?.path, TMPDIR: folder };
  const values = (...args: string[]): Promise<Ended> =>
    airgap(['values', join(CHARTS, 'shop'), '--to', 'r.example/m', ...args], env, folder);
  const test = it.skipIf(helm === undefined);
  const PROOF = /^shop \S+: \d+ of \d+ references /m;

  test('is the overrides on stdout and the proof on stderr', async () => {
    const { out, err } = await values();
    expect(out).toMatch(/^# Overrides for chart shop /);
    expect(out).not.toMatch(PROOF);
    expect(err).toMatch(PROOF);
  });

  test('names the written files on stdout', async () => {
    const one = await values('--out', 'shop.yaml');
    expect([one.out, one.err]).toEqual(['shop.yaml written\n', expect.stringMatching(PROOF)]);
    const several = await values('--out-dir', 'out', '--format', 'kustomize');
    const written = await readdir(join(folder, 'out'));
    expect(several.out.trimEnd().split('\n').sort()).toEqual(written.sort().map((name) => `out/${name} written`));
  });

  test('is JSON alone on stdout, also with files', async () => {
    const { out, err } = await values('--out', 'shop.yaml', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({ kind: 'Overrides', chart: 'shop' });
    expect(err).toMatch(PROOF);
    expect(err).toContain('shop.yaml written\n');
  });

  test('is one JSON document for several charts, whose files are named on stderr', async () => {
    const chart = join(CHARTS, 'shop');
    const config = `apiVersion: airgap/v1\nkind: Config\ncharts:\n  - chart: ${chart}\n    profiles: [{ name: a }, { name: b }]\n`;
    await writeFile(join(folder, 'two.yaml'), config);
    const args = ['--config', join(folder, 'two.yaml'), '--to', 'r.example/m', '--out-dir', 'two', '-o', 'json'];
    const { code, out, err } = await airgap(['values', ...args], env, folder);
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ kind: 'OverridesList', items: [{ profile: 'a' }, { profile: 'b' }] });
    expect(err).toContain('two/shop-b.yaml written\n');
  });

  test('with --quiet has nothing on stderr, unless the check failed', async () => {
    const good = await values('--quiet');
    expect([good.code, good.err]).toEqual([0, '']);
    const args = ['values', join(CHARTS, 'fixed'), '--to', 'r.example/m'];
    const bad = await airgap([...args, '--quiet'], env, folder);
    expect(bad.code).toBe(3);
    expect(bad.err).toMatch(/^fixed \S+: \d+ of \d+ references private/);
    expect(bad.err).not.toContain('next:');
  });

  test('is the same for both names of --unmapped', async () => {
    const mode = ['--unmapped', '--residue'].map((flag) =>
      values(`${flag}=post-render`, '--out', `${flag.slice(2)}.yaml`),
    );
    const [first, second] = await Promise.all(mode);
    expect([first?.code, first?.err]).toEqual([second?.code, second?.err.replaceAll('residue', 'unmapped')]);
    const files = (await readdir(folder)).filter((name) => name.endsWith('.post-render.json')).sort();
    expect(files).toEqual(['residue.post-render.json', 'unmapped.post-render.json']);
    const named = ['--unmapped-map', '--residue-map'].map((flag) =>
      values('--unmapped=post-render', flag, `${flag}.json`),
    );
    for (const { err } of await Promise.all(named)) expect(err).toMatch(/^--(?:unmapped|residue)-map\.json written$/m);
  });
});
