import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launcher } from '../support/cli.ts';
import { type PageRun, runPage } from '../support/page.ts';
import { certManager, certManagerImages } from '../support/page-charts.ts';
import { type PageScene, repositoryOf, startScene } from '../support/page-scene.ts';
import { tagsOf } from '../support/registry-tree.ts';

/** The commands of README.md, and what it says that they print. */

const HOST = 'registry.internal.example';
let scene: PageScene;
let runs: PageRun[];

beforeAll(async () => {
  scene = await startScene({
    images: certManagerImages('v1.17.2'),
    targets: [HOST],
    hosts: { 'charts.jetstack.io': { files: await repositoryOf(certManager('v1.17.2')) } },
  });
  runs = await runPage('README.md', {
    ...scene.reader(),
    replace: {
      // It would ask for a user and a password.
      [`helm airgap login ${HOST} `]: 'true ',
      'helm plugin install .': `helm plugin install ${join(launcher, '../..')}`,
    },
    rendersInstalls: true,
  });
});
afterAll(() => scene.stop());

test('the registry has the chart and its images', () => {
  const tags = tagsOf(scene.target).map((line) => line.split(' ')[0]);
  const images = certManagerImages('v1.17.2').map((image) => `mirrored/${image}`);
  expect(tags).toEqual(expect.arrayContaining(['mirrored/charts/cert-manager:v1.17.2', ...images]));
});

test('what is installed comes from the registry', () => {
  const images = runs.at(-1)?.output.match(/image: .*/g) ?? [];
  expect(images.length).toBeGreaterThanOrEqual(4);
  expect(images.filter((line) => !line.includes(`${HOST}/mirrored/quay.io/jetstack/`))).toEqual([]);
});
