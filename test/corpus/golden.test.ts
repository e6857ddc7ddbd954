import { describe, expect, test } from 'vitest';
import { readCorpus } from '../support/corpus.ts';
import { testHelms } from '../support/helm.ts';
import { scratchFolder } from '../support/scratch.ts';
import { contextIn, derive, newest, withFactsOnly } from './derive.ts';

/**
 * The overrides of each real chart from AIRGAP_CHARTS are the same with every Helm. golden/ holds reviewed overrides;
 * `vitest run --project corpus corpus.test -u` updates it, and its diff has to be reviewed. corpus.test.ts compares those
 * of the newest Helm, which it derives anyway. Comments are compared by their facts.
 */

const home = scratchFolder();

/** Charts that a Helm release cannot render itself: a YAML parse error of its own output. */
const CANNOT: Readonly<Record<string, RegExp>> = { '3.18.0': /^kube-prometheus-stack-72/ };

const older = testHelms().filter(({ version }) => version !== newest?.version);

describe.for(older)('overrides with Helm $version', ({ version, path }) => {
  test.skipIf(path === undefined).for(readCorpus())('of $name match golden/', async (chart, context) => {
    if (CANNOT[version]?.test(chart.name)) context.skip('Helm itself cannot render it');
    const result = await derive(contextIn(home, path), chart);
    await expect(withFactsOnly(result?.yaml ?? '')).toMatchFileSnapshot(`golden/${chart.name}.yaml`);
  });
});
