import { silent } from '../../src/base/events.ts';
import { parseTarget } from '../../src/oci/naming.ts';
import type { Context } from '../../src/workflows/context.ts';
import { type Overrides, values } from '../../src/workflows/values.ts';
import type { CorpusChart } from '../support/corpus.ts';
import { testHelms } from '../support/helm.ts';

/** The newest Helm that is here; what hangs on no version is tried with it. */
export const newest = testHelms().findLast(({ path }) => path !== undefined);

export const target = parseTarget('registry.example:5000/mirror', 'host-path');

/** Surroundings with a home of the test's own. */
export function contextIn(home: string, helm: string | undefined): Context {
  return { env: { PATH: process.env.PATH, HOME: home, HELM_BIN: helm }, cwd: home, emit: silent };
}

/** The overrides of a real chart, and their proof, as they are compared with golden/. */
export async function derive(context: Context, chart: CorpusChart): Promise<Overrides | undefined> {
  const request = { chart: chart.archive };
  const [result] = await values(context, { request, bundle: undefined, target, render: chart.render });
  return result;
}
