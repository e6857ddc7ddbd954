import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { realChart } from '../support/charts.ts';
import { type ProgramName, programPath } from '../support/cluster/build.ts';
import { sharedCluster } from '../support/cluster/each-run.ts';
import {
  createNamespace,
  insideHelm,
  installInside,
  PULL_SECRET,
  pushInside,
  uninstallInside,
  valuesInside,
} from '../support/cluster/journey/inside.ts';
import { bundleOutside } from '../support/cluster/journey/outside.ts';
import { leaksOf } from '../support/cluster/judges/isolation.ts';
import { settle } from '../support/cluster/judges/settle.ts';
import { scratchFolder } from '../support/scratch.ts';

/** The newest Helms, built from Go modules: no package registry has their programs. */

const cluster = sharedCluster();
const archive = realChart('kratos-0.62.0.tgz');

afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

describe.concurrent.each(['3.21.4', '4.2.4'])('with Helm %s', (version) => {
  test('a chart is bundled, pushed and installed, and everything is pulled from the target', async ({ skip }) => {
    const program = programPath(`helm-${version}` as ProgramName);
    if (program === undefined) return skip('this Helm could not be built');
    if (archive === undefined) return skip('the chart kratos is not in AIRGAP_CHARTS');
    const helm = await insideHelm(cluster, version, program);
    expect((await helm.ok(['version', '--short'])).stdout).toContain(`v${version}`);
    const file = join(scratchFolder(), 'kratos.tar');
    const references = await bundleOutside([archive], { file, helm: program });
    const namespace = `newest-helm-${version.replaceAll('.', '-')}`;
    const site = { helm, file, chart: 'kratos', version: '0.62.0', namespace };
    await createNamespace(cluster, namespace);
    await pushInside(site);
    // The Pod of the chart's test takes no pull secret, and does not run here.
    const flags = ['--pull-secret', PULL_SECRET, '--allow-without-pull-secret'];
    const { code, overrides, stderr } = await valuesInside(site, flags);
    expect(code, stderr).toBe(0);
    expect(await installInside(site, overrides)).toMatchObject({ code: 0 });
    const { containers, publicImages } = await settle(cluster, { namespaces: [namespace] });
    expect(publicImages).toEqual([]);
    expect(containers.map(({ state }) => state)).toEqual(['pulled', 'pulled']);
    const pulled = new Set(containers.map(({ image }) => image.replace(`${cluster.registry}/mirrored/`, '')));
    // The other reference is of the chart's test.
    expect([...pulled].every((image) => references.includes(image))).toBe(true);
    await uninstallInside(site);
  });
});
