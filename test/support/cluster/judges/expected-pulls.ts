import { expect } from 'vitest';
import { readCorpus } from '../../corpus.ts';
import type { CarriedChart } from '../journey/carried-chart.ts';

/** Judges of a carried chart with ground truth. */

/** Why a test of a real chart is not run. */
export const NO_CHART = 'AIRGAP_CHARTS names no folder with this chart';

/** Expects that the chart was installed, and that every image of its Pods was pulled from the target. */
export function expectAllPulled({ values, install, settled, pulls }: CarriedChart): void {
  expect(values.code, values.stderr).toBe(0);
  expect(install.code, install.stderr).toBe(0);
  expect(settled.containers.filter(({ state }) => state !== 'pulled')).toEqual([]);
  expect([settled.publicImages, pulls.failed, pulls.present]).toEqual([[], [], []]);
}

/**
 * Private names of the images that the kubelet has to pull for a default install, by the hand-checked truth: those in Pods of
 * the chart and its hooks. Operators are stand-ins and make no Pods.
 * @param chart NAME-VERSION
 * @param to `HOST/PREFIX`
 */
export function expectedPulls(chart: string, to: string): string[] {
  const { images = [] } = readCorpus().find(({ name }) => name === chart) ?? {};
  const ofPods = images.filter(({ how, need }) => need === 'install' && ['image-field', 'hook'].includes(how));
  return [...new Set(ofPods.map(({ normalized }) => `${to}/${normalized}`))].sort();
}
