import { describe, expect, test } from 'vitest';
import { readCorpus } from '../support/corpus.ts';
import { testHelms } from '../support/helm.ts';
import { scratchFolder } from '../support/scratch.ts';
import { contextIn, derive, newest } from './derive.ts';

/**
 * The overrides of each real chart from AIRGAP_CHARTS, byte for byte, whatever the Helm: golden/ holds what was read and
 * found good by eye. `vitest run --project corpus corpus.test -u` renews it, and the difference is there to be read
 * again. With the newest Helm corpus.test.ts compares, which derives them anyway.
 */

const home = scratchFolder();

/** That release cannot render it itself: a YAML parse error in what it has read back. */
const CANNOT: Readonly<Record<string, RegExp>> = { '3.18.0': /^kube-prometheus-stack-72/ };

const older = testHelms().filter(({ version }) => version !== newest?.version);

describe.for(older)('overrides with Helm $version', ({ version, path }) => {
  test.skipIf(path === undefined).for(readCorpus())('of $name are as they were', async (chart, context) => {
    if (CANNOT[version]?.test(chart.name)) context.skip('Helm itself cannot render it');
    const result = await derive(contextIn(home, path), chart);
    await expect(result?.yaml).toMatchFileSnapshot(`golden/${chart.name}.yaml`);
  });
});
