import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { realChart, realCharts } from '../support/charts.ts';
import { airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { imagesOf, runInstaller } from '../support/installer.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** A real umbrella chart from AIRGAP_CHARTS, with a registry of synthetic images: bundled, pushed, and its installer run. */

const home = scratchFolder();
const chart = realChart('migration-assistant-0.2.0.tgz');
const kubernetes = ['--kube-version', '1.35.0'];
let upstream: TestRegistry;
let isolated: TestRegistry;

beforeAll(async () => {
  upstream = await startRegistry();
  isolated = await startRegistry();
});
afterAll(() => Promise.all([upstream.stop(), isolated.stop()]));

test.skipIf(chart === undefined)(
  'the installer of an umbrella chart finds everything in the private registry',
  async () => {
    const target = `${isolated.host}/mirror`;
    const bundle = join(home, 'all.tar');
    const what = [chart ?? '', ...kubernetes, '--chart-mirror', `*=${realCharts()}`];
    const { stdout: list } = await airgapOk(['images', ...what, '-o', 'txt'], home);
    await fillUpstream(upstream.host, list.trim().split('\n'));
    const read = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    await airgapOk(['bundle', ...what, ...read, '--out', bundle], home);
    await airgapOk(['push', bundle, '--to', target, '--plain-http', isolated.host], home);
    const command = ['values', 'migration-assistant', '--bundle', bundle, '--to', target, '--format', 'aggregate'];
    const { stdout } = await airgapOk([...command, ...kubernetes], home);
    const { charts } = parse(stdout);
    expect(charts['cert-manager']).toMatchObject({
      repository: `oci://${target}/charts/cert-manager`,
      version: 'v1.17.2',
    });
    const file = join(home, 'aggregate.yaml');
    writeFileSync(file, stdout);
    const args = ['template', 'ma', chart ?? '', ...kubernetes, '-f', file];
    const render = await program(helmUnderTest(), args, home);
    expect(imagesOf(render).filter((reference) => !reference.startsWith(`${target}/`))).toEqual([]);
    const { releases } = await runInstaller(render, home, kubernetes);
    expect([...releases.keys()].sort()).toEqual(Object.keys(charts).sort());
    for (const [name, manifests] of releases) {
      const images = imagesOf(manifests);
      expect([name, images.length > 0]).toEqual([name, true]);
      expect([name, images.filter((reference) => !reference.startsWith(`${target}/`))]).toEqual([name, []]);
    }
  },
);
