import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChartUpstream, startUpstreamOf } from '../support/chart-upstream.ts';
import { realChart } from '../support/charts.ts';
import { type PageRun, pageBlocks, runPage } from '../support/page.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';

/** The five minutes with cert-manager in README.md: its commands, and what it says that they print. */

const PAGE = '../../README';
const SECTION = 'Five minutes with cert-manager';
const ARCHIVE = 'cert-manager-v1.17.2.tgz';
const chart = realChart(ARCHIVE);
/** Reason to skip the tests, which need the chart. */
const missing = chart === undefined ? `no ${ARCHIVE}; set AIRGAP_CHARTS` : undefined;
const NAMED = 'cert-manager --repo https://charts.jetstack.io --version v1.17.2';
const HOST = 'registry.internal.example';
const home = scratchFolder();
let upstream: ChartUpstream;
let target: TestRegistry;
let runs: PageRun[];

beforeAll(async () => {
  if (chart === undefined) return;
  upstream = await startUpstreamOf(chart, home);
  target = await startRegistry();
  const write = ['--plain-http', target.host];
  runs = await runPage(PAGE, {
    cwd: scratchFolder(),
    home,
    replace: {
      [NAMED]: chart,
      // It would ask for a user and a password.
      [`helm airgap login ${HOST}`]: 'true',
      // There is no cluster: Helm renders what it would install.
      [`helm install cert-manager oci://${HOST}`]: `helm template cert-manager --plain-http oci://${target.host}`,
      [HOST]: target.host,
    },
    flags: (command) =>
      command === 'bundle' ? upstream.mirror : ['push', 'values', 'check'].includes(command) ? write : [],
    leaveOut: ({ heading }) => heading !== SECTION,
    withConsoles: true,
  });
});
afterAll(() => Promise.all([upstream?.stop(), target?.stop()]));

test('every command succeeds', ({ skip }) => {
  if (missing !== undefined) skip(missing);
  expect(runs.map(({ code, output }) => (code === 0 ? 0 : output))).toEqual(runs.map(() => 0));
  expect(runs).toHaveLength(pageBlocks(PAGE).filter(({ heading }) => heading === SECTION).length);
  expect(tagsOf(target).map((line) => line.split(' ')[0])).toContain('mirrored/charts/cert-manager:v1.17.2');
});

test('the commands print what the page shows', ({ skip }) => {
  if (missing !== undefined) skip(missing);
  const consoles = runs.filter(({ language }) => language === 'console');
  expect(consoles).toHaveLength(3);
  for (const { text, output } of consoles) {
    const printed = output
      .replaceAll(chart as string, NAMED)
      .replaceAll(` --plain-http ${target.host}`, '')
      .replaceAll(' --plain-http', '')
      .replaceAll(target.host, HOST)
      .split('\n');
    const shown = text.trimEnd().split('\n').slice(1);
    expect(shown.filter((line) => !printed.includes(line))).toEqual([]);
  }
});

test('what is installed comes from the registry', ({ skip }) => {
  if (missing !== undefined) skip(missing);
  const images = runs.at(-1)?.output.match(/image: .*/g) ?? [];
  expect(images.length).toBeGreaterThanOrEqual(4);
  expect(images.filter((line) => !line.includes(`${target.host}/mirrored/quay.io/jetstack/`))).toEqual([]);
});
