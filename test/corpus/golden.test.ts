import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/base/events.ts';
import { parseTarget } from '../../src/oci/naming.ts';
import { values } from '../../src/workflows/values.ts';
import { readCorpus } from '../support/corpus.ts';
import { testHelms } from '../support/helm.ts';

/**
 * The overrides of each real chart from AIRGAP_CHARTS, byte for byte, whatever the Helm: golden/ holds what was read and
 * found good by eye. `vitest run --project corpus golden -u` renews it, and the difference is there to be read again.
 */

const corpus = readCorpus();
const target = parseTarget('registry.example:5000/mirror', 'host-path');
const home = mkdtempSync(join(tmpdir(), 'airgap-golden-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** That release cannot render it itself: a YAML parse error in what it has read back. */
const CANNOT: Readonly<Record<string, RegExp>> = { '3.18.0': /^kube-prometheus-stack-72/ };

describe.for(testHelms())('overrides with Helm $version', ({ version, path }) => {
  test.skipIf(path === undefined).for(corpus)(
    'of $name are as they were',
    async ({ name, archive, render }, context) => {
      if (CANNOT[version]?.test(name)) context.skip('Helm itself cannot render it');
      const surroundings = { env: { PATH: process.env.PATH, HOME: home, HELM_BIN: path }, cwd: home, emit: silent };
      const request = { chart: archive };
      const [result] = await values(surroundings, { request, bundle: undefined, target, render });
      await expect(result?.yaml).toMatchFileSnapshot(`golden/${name}.yaml`);
    },
  );
});
